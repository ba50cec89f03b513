// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;

import com.github.luben.zstd.ZstdOutputStream;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

import dev.isthmus.testing.tools.HostPrograms;

/**
 * Packs data as Linux's build does: with its tools where they are on the PATH, and with Java libraries everywhere.
 */
public final class Packer {
    private static final int LZ4_BLOCK_BYTES = 8 << 20;
    private static final int DICTIONARY_BYTES = 64 << 10;

    private Packer() {}

    /** Returns bytes that look like a program: instructions from a small set, text, tables, zeros and noise. */
    public static byte[] programLike(int sizeBytes, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        byte[][] phrases = new byte[64][];
        for (int i = 0; i < phrases.length; i++) {
            phrases[i] = new byte[1 + random.nextInt(24)];
            random.nextBytes(phrases[i]);
        }
        byte[] bytes = new byte[sizeBytes];
        int at = 0;
        while (at < sizeBytes) {
            int kind = random.nextInt(100);
            byte[] piece;
            if (kind < 80) {
                piece = phrases[random.nextInt(1 + random.nextInt(phrases.length))];
            } else if (kind < 90) {
                // A call, whose distance XZ's x86 filter rewrites.
                piece = new byte[] {(byte) 0xe8, (byte) random.nextInt(256), (byte) random.nextInt(16), 0, 0};
            } else if (kind < 92) {
                piece = new byte[random.nextInt(600)];
            } else {
                piece = new byte[random.nextInt(30)];
                random.nextBytes(piece);
            }
            int count = Math.min(piece.length, sizeBytes - at);
            System.arraycopy(piece, 0, bytes, at, count);
            at += count;
        }
        return bytes;
    }

    /** Packs with a Java library. */
    public static byte[] pack(PayloadFormat format, byte[] data) {
        try {
            return switch (format) {
                case GZIP -> gzip(data);
                case LZ4 -> lz4(data);
                case ZSTD -> zstd(data);
                case XZ -> xz(data);
                case LZMA -> lzma(data);
                case BZIP2, LZO -> throw new IllegalArgumentException("Not packed here: " + format);
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Packs with the tool and the options of Linux's scripts/Makefile.lib; skips the test where there is no such tool. */
    public static byte[] packByTool(PayloadFormat format, byte[] data) throws Exception {
        return switch (format) {
            case GZIP -> run(data, "gzip", "-n", "-9");
            case LZ4 -> run(data, "lz4", "-l", "-9", "-", "-");
            case ZSTD -> run(data, "zstd", "-q", "-22", "--ultra");
            case XZ -> run(data, "xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB");
            case LZMA -> run(data, "lzma", "-9");
            case BZIP2, LZO -> throw new IllegalArgumentException("Not packed here: " + format);
        };
    }

    /** Runs a tool from standard input to standard output; skips the test where it is not on the PATH, but not in CI. */
    public static byte[] run(byte[] input, String... command) throws Exception {
        HostPrograms.require(command[0]);
        Path in = Files.createTempFile("packer", ".in");
        Path out = Files.createTempFile("packer", ".out");
        try {
            Files.write(in, input);
            Process process = new ProcessBuilder(List.of(command))
                    .redirectInput(in.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(2, TimeUnit.MINUTES) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IllegalStateException(Arrays.toString(command) + " failed");
            }
            return Files.readAllBytes(out);
        } finally {
            Files.delete(in);
            Files.delete(out);
        }
    }

    private static byte[] gzip(byte[] data) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (OutputStream stream = new GZIPOutputStream(packed)) {
            stream.write(data);
        }
        return packed.toByteArray();
    }

    private static byte[] lz4(byte[] data) {
        LZ4Compressor compressor = LZ4Factory.safeInstance().fastCompressor();
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        packed.writeBytes(new byte[] {0x02, 0x21, 0x4c, 0x18});
        for (int at = 0; at < data.length; at += LZ4_BLOCK_BYTES) {
            int count = Math.min(LZ4_BLOCK_BYTES, data.length - at);
            byte[] block = compressor.compress(data, at, count);
            packed.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(block.length)
                    .array());
            packed.writeBytes(block);
        }
        return packed.toByteArray();
    }

    /** Without the content size, as where the tool reads a pipe, and with a checksum. */
    private static byte[] zstd(byte[] data) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (ZstdOutputStream stream = new ZstdOutputStream(packed)) {
            stream.setChecksum(true);
            stream.write(data);
        }
        return packed.toByteArray();
    }

    private static byte[] xz(byte[] data) throws IOException {
        LZMA2Options lzma2 = new LZMA2Options(6);
        lzma2.setDictSize(DICTIONARY_BYTES);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        FilterOptions[] filters = {new X86Options(), lzma2};
        try (OutputStream stream = new XZOutputStream(packed, filters, XZ.CHECK_CRC32)) {
            stream.write(data);
        }
        return packed.toByteArray();
    }

    private static byte[] lzma(byte[] data) throws IOException {
        LZMA2Options options = new LZMA2Options(6);
        options.setDictSize(DICTIONARY_BYTES);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        // -1: the size is not in the header, as where the lzma tool reads a pipe.
        try (OutputStream stream = new LZMAOutputStream(packed, options, -1)) {
            stream.write(data);
        }
        return packed.toByteArray();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;

/**
 * XZ, with the x86 filter that Linux's build puts before it, and the older LZMA format; both by XZ for Java.
 */
final class Lzma {
    /** XZ's dictionary may be larger than what is unpacked: Linux's build sets up to 128 MiB. */
    private static final int MEMORY_MAX_KIB = 192 << 10;

    // The header of the LZMA format: properties, dictionary size, unpacked size or -1 where it is not known.
    private static final int LZMA_HEADER_BYTES = 13;
    private static final int LZMA_DICTIONARY_SIZE = 1;
    private static final int LZMA_UNPACKED_SIZE = 5;
    private static final int LZMA_DICTIONARY_MIN_BYTES = 4096;

    private static final int CHUNK_BYTES = 64 << 10;

    private Lzma() {}

    static void unpackXz(byte[] payload, UnpackBuffer target) throws MalformedPayloadException {
        try (SingleXZInputStream stream =
                new SingleXZInputStream(new ByteArrayInputStream(payload), MEMORY_MAX_KIB)) {
            unpack(stream, target);
            // At the end the stream checks its index.
            if (stream.read() >= 0) {
                throw target.tooLong();
            }
        } catch (IOException e) {
            throw damaged(e);
        }
    }

    static void unpackLzma(byte[] payload, UnpackBuffer target) throws MalformedPayloadException {
        if (payload.length < LZMA_HEADER_BYTES) {
            throw new MalformedPayloadException("data ends early");
        }
        long unpackedBytes = Bytes.u64(payload, LZMA_UNPACKED_SIZE);
        if (unpackedBytes != -1 && unpackedBytes != target.limitBytes()) {
            throw new MalformedPayloadException("header names another size");
        }
        // No match reaches further back than the start: the dictionary need not be larger than what is unpacked.
        long dictionaryBytes = Math.min(
                Bytes.u32(payload, LZMA_DICTIONARY_SIZE), Math.max(LZMA_DICTIONARY_MIN_BYTES, target.limitBytes()));
        InputStream compressed =
                new ByteArrayInputStream(payload, LZMA_HEADER_BYTES, payload.length - LZMA_HEADER_BYTES);
        try (LZMAInputStream stream =
                new LZMAInputStream(compressed, unpackedBytes, payload[0], (int) dictionaryBytes)) {
            unpack(stream, target);
            // At the end the stream checks its end mark, where it has one.
            if (stream.read() >= 0) {
                throw target.tooLong();
            }
        } catch (IOException e) {
            throw damaged(e);
        }
    }

    private static void unpack(InputStream stream, UnpackBuffer target) throws IOException, MalformedPayloadException {
        byte[] chunk = new byte[CHUNK_BYTES];
        while (target.lengthBytes() < target.limitBytes()) {
            int wanted = (int) Math.min(chunk.length, target.limitBytes() - target.lengthBytes());
            int count = stream.read(chunk, 0, wanted);
            if (count < 0) {
                throw new MalformedPayloadException("data ends early");
            }
            target.put(chunk, 0, count);
        }
    }

    private static MalformedPayloadException damaged(IOException e) {
        String message = e.getMessage();
        return new MalformedPayloadException(message == null ? "data is damaged" : "data is damaged: " + message, e);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.fuzz.FuzzReads;

/**
 * Fuzzes the reader of VHDX images. Their structures lie a MiB apart, so the input holds them one after the other:
 *
 * <pre>
 *  input   where to read; options: make checksums right, and those of the log's entries, too; size of the file in MiB
 *          file type, both headers, both region tables, metadata table and items, BAT, and the log as far as there is
 *          input
 * </pre>
 */
public final class VhdxFuzzTarget {
    private static final int READS_BYTES = 32;
    private static final int OPTION_CHECKSUMS = 1;
    private static final int OPTION_LOG_CHECKSUMS = 2;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;
    private static final int LOG_SECTORS_MAX = 4;

    /** Start and length of the structures' parts that inputs hold, in their order. */
    private static final long[][] PARTS = {
        {0, 16},
        {VhdxHeader.HEADER_1_OFFSET, 96},
        {VhdxHeader.HEADER_2_OFFSET, 96},
        {RegionTable.TABLE_1_OFFSET, 112},
        {RegionTable.TABLE_2_OFFSET, 112},
        {VhdxBuilder.METADATA_OFFSET, 224},
        {VhdxBuilder.METADATA_OFFSET + VhdxBuilder.ITEMS_OFFSET, 48},
        {VhdxBuilder.BAT_OFFSET, 64},
        {VhdxBuilder.LOG_OFFSET, LOG_SECTORS_MAX * LogEntry.SECTOR_BYTES}
    };

    private VhdxFuzzTarget() {}

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> run(new FuzzInput(bytes)));
    }

    /** Returns an image without a log, and one whose log has something to replay. */
    public static List<byte[]> seeds() {
        BuiltImageFile plain = VhdxBuilder.image(8 * VhdxBuilder.MIB);
        VhdxBuilder.bat(plain, 0, VhdxBuilder.BLOCKS_OFFSET, 6);
        VhdxBuilder.bat(plain, 2, VhdxBuilder.BLOCKS_OFFSET + VhdxBuilder.MIB, 6);
        BuiltImageFile logged = VhdxBuilder.withLog(VhdxBuilder.image(4 * VhdxBuilder.MIB));
        logged.put(
                VhdxBuilder.LOG_OFFSET,
                new LogWriter(1, 0)
                        .fileSizes(6 * VhdxBuilder.MIB, 6 * VhdxBuilder.MIB)
                        .data(VhdxBuilder.BAT_OFFSET, (byte) 6, (byte) 0, (byte) 0x40)
                        .zero(VhdxBuilder.BAT_OFFSET + LogEntry.SECTOR_BYTES, LogEntry.SECTOR_BYTES)
                        .bytes());
        return List.of(seed(plain), seed(logged));
    }

    private static byte[] seed(BuiltImageFile image) {
        byte[] seed = new byte[READS_BYTES + 2 + (int) Arrays.stream(PARTS).mapToLong(part -> part[1]).sum()];
        seed[READS_BYTES] = OPTION_CHECKSUMS | OPTION_LOG_CHECKSUMS;
        seed[READS_BYTES + 1] = 6;
        int at = READS_BYTES + 2;
        for (long[] part : PARTS) {
            System.arraycopy(image.get(part[0], (int) part[1]), 0, seed, at, (int) part[1]);
            at += (int) part[1];
        }
        int end = seed.length;
        while (seed[end - 1] == 0) {
            end--;
        }
        return Arrays.copyOf(seed, end);
    }

    private static void run(FuzzInput input) {
        FuzzInput reads = new FuzzInput(input.bytes(READS_BYTES));
        int options = input.u8();
        BuiltImageFile file = new BuiltImageFile("fuzz.vhdx", input.u8() * VhdxBuilder.MIB);
        for (long[] part : PARTS) {
            byte[] bytes = input.bytes((int) part[1]);
            if (bytes.length > 0) {
                file.put(part[0], bytes);
            }
        }
        if ((options & OPTION_CHECKSUMS) != 0) {
            VhdxBuilder.checksums(file);
        }
        if ((options & OPTION_LOG_CHECKSUMS) != 0) {
            logChecksums(file);
        }
        ImageFormats.probe(file);
        try (VhdxImage image = VhdxImage.open(file, "fuzz")) {
            FuzzReads.some(image, reads);
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
    }

    /** Makes the checksum of what claims to be an entry at each sector of the log right, where it is not too long. */
    private static void logChecksums(BuiltImageFile file) {
        for (int sector = 0; sector < LOG_SECTORS_MAX; sector++) {
            long entry = VhdxBuilder.LOG_OFFSET + (long) sector * LogEntry.SECTOR_BYTES;
            int length = ByteBuffer.wrap(file.get(entry + LogEntry.ENTRY_LENGTH_OFFSET, 4))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getInt();
            if (length >= LogEntry.SECTOR_BYTES && length <= LOG_SECTORS_MAX * LogEntry.SECTOR_BYTES) {
                file.put32(entry + Checksums.CHECKSUM_OFFSET, 0);
                file.put32(entry + Checksums.CHECKSUM_OFFSET, VhdxBuilder.crc(file.get(entry, length)));
            }
        }
    }
}

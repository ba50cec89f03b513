// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.block.mapped.Damage;
import dev.isthmus.block.mapped.Disks;
import dev.isthmus.block.mapped.RawDisk;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.QemuTools;

import static dev.isthmus.block.vhdx.VhdxBuilder.BAT_OFFSET;
import static dev.isthmus.block.vhdx.VhdxBuilder.BLOCKS_OFFSET;
import static dev.isthmus.block.vhdx.VhdxBuilder.LOG_OFFSET;
import static dev.isthmus.block.vhdx.VhdxBuilder.MIB;
import static dev.isthmus.block.vhdx.VhdxImageTest.filled;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images that were not closed (MS-VHDX 2.3): they read as after a replay, and stay as they are. */
class VhdxLogTest {
    private static final int SECTOR_BYTES = LogEntry.SECTOR_BYTES;
    private static final int LOG_SECTORS = VhdxBuilder.LOG_BYTES / SECTOR_BYTES;

    @TempDir
    Path folder;

    /** Returns a BAT of which only the first entries are set, all present, one block behind the other. */
    private static byte[] bat(int blocks) {
        ByteBuffer entries = ByteBuffer.allocate(blocks * 8).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < blocks; i++) {
            entries.putLong((BLOCKS_OFFSET + i * MIB) | VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        }
        return entries.array();
    }

    /** Makes an image with 4 blocks, filled with 1, 2, 3 and 4, of which the BAT knows nothing yet. */
    private static BuiltImageFile image() {
        BuiltImageFile file = VhdxBuilder.withLog(VhdxBuilder.image(4 * MIB));
        for (int i = 0; i < 4; i++) {
            file.put(BLOCKS_OFFSET + i * MIB, filled((int) MIB, i + 1));
        }
        return file;
    }

    /** Writes an entry into the ring. */
    private static void write(BuiltImageFile file, int sector, byte[] entry) {
        int beforeWrap = Math.min(entry.length, (LOG_SECTORS - sector) * SECTOR_BYTES);
        file.put(LOG_OFFSET + (long) sector * SECTOR_BYTES, Arrays.copyOf(entry, beforeWrap));
        file.put(LOG_OFFSET, Arrays.copyOfRange(entry, beforeWrap, entry.length));
    }

    /** Returns what is in the first byte of each block. */
    private static String firstBytes(VhdxImage image) {
        StringBuilder bytes = new StringBuilder();
        for (long offset = 0; offset < image.capacityBytes(); offset += image.blockBytes()) {
            bytes.append(Disks.read(image, offset, 512)[0]);
        }
        return bytes.toString();
    }

    private static void assertReads(String firstBytes, BuiltImageFile file) {
        file.reopen();
        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertTrue(image.logReplayed());
            assertEquals(firstBytes, firstBytes(image));
        }
    }

    private static void assertRefused(String cause, BuiltImageFile file) {
        Disks.assertRefused(cause, () -> VhdxImage.open(file, "disk"));
        assertFalse(file.isClosed());
    }

    @ParameterizedTest
    @CsvSource({"73438720, 1M", "5368709120, 1M", "73438720, 8M"})
    void imageWithItsBatInTheLogReadsAsQemuRepairsIt(long sizeBytes, String blockSize) throws IOException {
        QemuTools.require();
        RawDisk raw = RawDisk.create(folder.resolve("raw"), sizeBytes, 3, 30);
        Path dirty = folder.resolve("dirty.vhdx");
        new QemuTools(folder).convertRaw(raw.path(), "vhdx", "subformat=dynamic,block_size=" + blockSize, dirty);
        moveBatIntoLog(dirty);
        byte[] before = Files.readAllBytes(dirty);

        try (VhdxImage image = VhdxImage.open(new ChannelImageFile(dirty, true), "disk")) {
            assertTrue(image.logReplayed());
            Disks.assertSame(raw, image, true);
        }

        assertArrayEquals(before, Files.readAllBytes(dirty));
        Path repaired = folder.resolve("repaired.vhdx");
        Files.copy(dirty, repaired, StandardCopyOption.REPLACE_EXISTING);
        new QemuTools(folder).img("check", "-f", "vhdx", "-r", "all", repaired.toString());
        try (VhdxImage image = VhdxImage.open(new ChannelImageFile(repaired, true), "disk")) {
            assertFalse(image.logReplayed());
            Disks.assertSame(raw, image, true);
        }
    }

    /** Has an image of QEMU be one of which nothing of the BAT was written but to the log, in two entries. */
    private static void moveBatIntoLog(Path path) throws IOException {
        VhdxHeader header;
        RegionTable.Region bat;
        try (ChannelImageFile file = new ChannelImageFile(path, true)) {
            header = VhdxHeader.read(file);
            bat = RegionTable.read(file, header).bat();
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            LogWriter first = new LogWriter(41, 0).fileSizes(file.length(), file.length());
            byte[] sector = new byte[SECTOR_BYTES];
            int sectors = 12;
            for (int i = 0; i < sectors; i++) {
                file.seek(bat.offsetBytes() + (long) i * SECTOR_BYTES);
                file.readFully(sector);
                first.data(bat.offsetBytes() + (long) i * SECTOR_BYTES, sector);
                file.seek(bat.offsetBytes() + (long) i * SECTOR_BYTES);
                file.write(filled(SECTOR_BYTES, 0xff));
            }
            LogWriter second = new LogWriter(42, 0)
                    .fileSizes(file.length(), file.length())
                    .zero(bat.offsetBytes() + (long) sectors * SECTOR_BYTES, SECTOR_BYTES);
            file.seek(header.logOffsetBytes());
            file.write(first.bytes());
            file.write(second.bytes());
            for (int offset : new int[] {VhdxHeader.HEADER_1_OFFSET, VhdxHeader.HEADER_2_OFFSET}) {
                ByteBuffer bytes = ByteBuffer.allocate(VhdxHeader.HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
                file.seek(offset);
                file.readFully(bytes.array());
                bytes.putLong(VhdxHeader.LOG_GUID_OFFSET, VhdxBuilder.LOG_GUID.low());
                bytes.putLong(VhdxHeader.LOG_GUID_OFFSET + 8, VhdxBuilder.LOG_GUID.high());
                bytes.putInt(Checksums.CHECKSUM_OFFSET, 0);
                bytes.putInt(Checksums.CHECKSUM_OFFSET, (int) VhdxBuilder.crc(bytes.array()));
                file.seek(offset);
                file.write(bytes.array());
            }
        }
    }

    @Test
    void entriesAreReplayedFromTheTailToTheNewest() {
        BuiltImageFile file = image();
        // Not any more: its place may have been used for something else since.
        write(file, 3, new LogWriter(9, 3).zero(BLOCKS_OFFSET + MIB, MIB).bytes());
        write(file, 4, new LogWriter(10, 4).data(BAT_OFFSET, bat(2)).bytes());
        write(file, 6, new LogWriter(11, 4).data(BAT_OFFSET, bat(4)).bytes());

        assertReads("1234", file);
    }

    @Test
    void laterChangesWinAndZeroesAreChangesToo() {
        BuiltImageFile file = image().put(BAT_OFFSET + 2 * SECTOR_BYTES, filled(8, 1));
        LogWriter entry = new LogWriter(1, 0)
                .data(BAT_OFFSET, filled(4096, 0xff))
                .zero(BAT_OFFSET, 3 * SECTOR_BYTES)
                .data(BAT_OFFSET, bat(3));
        write(file, 0, entry.bytes());

        assertReads("1230", file);
    }

    @Test
    void entryGoesOnAtTheStartOfTheRing() {
        BuiltImageFile file = image();
        write(file, LOG_SECTORS - 1, new LogWriter(7, LOG_SECTORS - 1).data(BAT_OFFSET, bat(1)).bytes());
        write(file, 1, new LogWriter(8, LOG_SECTORS - 1).data(BAT_OFFSET, bat(2)).bytes());

        assertReads("1200", file);
    }

    @Test
    void entryWithMoreDescriptorsThanASectorHoldsIsReplayed() {
        BuiltImageFile file = image();
        LogWriter entry = new LogWriter(1, 0);
        for (int i = 0; i < 130; i++) {
            entry.data(BAT_OFFSET + (long) (129 - i) * SECTOR_BYTES, i == 129 ? bat(4) : new byte[0]);
        }
        write(file, 0, entry.bytes());

        assertEquals(132, entry.sectors());
        assertReads("1234", file);
    }

    @Test
    void newestEntryThatIsTornIsNotReplayed() {
        BuiltImageFile file = image();
        write(file, 0, new LogWriter(1, 0).data(BAT_OFFSET, bat(2)).bytes());
        byte[] torn = new LogWriter(2, 0).data(BAT_OFFSET, bat(4)).bytes();
        torn[5000] ^= 1;
        write(file, 2, torn);

        assertReads("1200", file);
    }

    @Test
    void entriesOfAnotherLogAreNotReplayed() {
        BuiltImageFile file = image();
        write(file, 0, new LogWriter(1, 0).data(BAT_OFFSET, bat(1)).bytes());
        write(file, 2, new LogWriter(2, 0).guid(new Guid(1, 2)).data(BAT_OFFSET, bat(4)).bytes());

        assertReads("1000", file);
    }

    @Test
    void entryThatDoesNotFollowIsOfAnotherSequence() {
        BuiltImageFile file = image();
        // The newest sequence is not complete: its tail is not of it. So the one before it is active.
        write(file, 0, new LogWriter(5, 0).data(BAT_OFFSET, bat(1)).bytes());
        write(file, 2, new LogWriter(7, 0).data(BAT_OFFSET, bat(4)).bytes());
        assertReads("1000", file);

        write(file, 2, new LogWriter(7, 2).data(BAT_OFFSET, bat(4)).bytes());
        assertReads("1234", file);
    }

    @Test
    void sequenceNumbersAreUnsigned() {
        BuiltImageFile file = image();
        write(file, 0, new LogWriter(Long.MAX_VALUE, 0).data(BAT_OFFSET, bat(1)).bytes());
        write(file, 2, new LogWriter(Long.MIN_VALUE, 0).data(BAT_OFFSET, bat(3)).bytes());

        assertReads("1230", file);
    }

    @Test
    void fileIsExtendedAsTheLogSays() {
        BuiltImageFile file = image();
        file.resize(BLOCKS_OFFSET + MIB + 4096);
        byte[] entry = new LogWriter(1, 0)
                .data(BAT_OFFSET, bat(4))
                .fileSizes(BLOCKS_OFFSET + MIB, BLOCKS_OFFSET + 3 * MIB)
                .bytes();
        write(file, 0, entry);

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertArrayEquals(filled(4096, 2), Disks.read(image, MIB, 4096));
            assertArrayEquals(new byte[4096], Disks.read(image, MIB + 4096, 4096));
            assertArrayEquals(new byte[4096], Disks.read(image, 3 * MIB - 4096, 4096));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 3 * MIB, 512));
        }
    }

    @Test
    void payloadThatTheLogChangesIsReadThroughIt() {
        BuiltImageFile file = image();
        LogWriter entry = new LogWriter(1, 0)
                .data(BAT_OFFSET, bat(4))
                .data(BLOCKS_OFFSET + MIB + 8192, filled(4096, 7))
                .zero(BLOCKS_OFFSET + 2 * MIB, MIB + 4096);
        write(file, 0, entry.bytes());

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            byte[] block = filled((int) MIB, 2);
            Arrays.fill(block, 8192, 12288, (byte) 7);
            assertArrayEquals(block, Disks.read(image, MIB, (int) MIB));
            assertArrayEquals(new byte[(int) MIB], Disks.read(image, 2 * MIB, (int) MIB));
            byte[] last = filled((int) MIB, 4);
            Arrays.fill(last, 0, 4096, (byte) 0);
            assertArrayEquals(last, Disks.read(image, 3 * MIB, (int) MIB));
            // An engine that reads the file by itself must not get to see what is old.
            ExtentList extents = new ExtentList();
            assertFalse(image.map(false, MIB, 512, extents));
            assertFalse(image.map(false, 2 * MIB, 512, extents));
            assertTrue(image.map(false, 0, MIB, extents));
            assertTrue(image.map(false, 3 * MIB + 4096, 4096, extents));
        }
    }

    @Test
    void tablesAndMetadataAreReadAsReplayed() {
        BuiltImageFile file = image();
        byte[] table = file.get(RegionTable.TABLE_1_OFFSET, SECTOR_BYTES);
        byte[] items = file.get(VhdxBuilder.METADATA_OFFSET + VhdxBuilder.ITEMS_OFFSET, SECTOR_BYTES);
        file.put(RegionTable.TABLE_1_OFFSET, (byte) 0).put(RegionTable.TABLE_2_OFFSET, (byte) 0);
        file.put(VhdxBuilder.METADATA_OFFSET + VhdxBuilder.ITEMS_OFFSET, new byte[SECTOR_BYTES]);
        LogWriter entry = new LogWriter(1, 0)
                .data(RegionTable.TABLE_1_OFFSET, table)
                .data(VhdxBuilder.METADATA_OFFSET + VhdxBuilder.ITEMS_OFFSET, items)
                .data(BAT_OFFSET, bat(2));
        write(file, 0, entry.bytes());

        assertReads("1200", file);
    }

    @Test
    void logWithoutValidEntriesIsRefused() {
        BuiltImageFile file = image();
        assertRefused("no valid entries", file);
        // A tail that is nowhere.
        write(file, 0, new LogWriter(1, 5).data(BAT_OFFSET, bat(1)).bytes());
        assertRefused("no valid entries", file);
    }

    @ParameterizedTest
    @CsvSource({
        // offset in the entry, value
        "8, 0", "8, 4097", "8, 0x200000", "12, 1", "12, 0x100000", "24, 127", "24, 0xffffffff", "60, 0x80000000",
        "64, 1", "80, 1", "84, 0x80000000", "88, 2", "4096, 1", "4100, 1", "8188, 2", "96, 0", "104, 1", "108, 0x80000000",
        "112, 1", "116, 0x80000000", "120, 2"
    })
    void entryWithAWrongFieldIsNotValid(int offset, String value) {
        BuiltImageFile file = image();
        LogWriter entry = new LogWriter(1, 0).data(BAT_OFFSET, bat(1)).zero(BAT_OFFSET + SECTOR_BYTES, SECTOR_BYTES);
        write(file, 0, entry.bytes());
        assertReads("1000", file);
        file.reopen();

        write(file, 0, entry.bytes((bytes, dataSectors) -> bytes.putInt(offset, Long.decode(value).intValue())));

        assertRefused("no valid entries", file);
    }

    @Test
    void fileThatWasLongerWhenItsLogWasWrittenIsRefused() {
        BuiltImageFile file = image();
        write(file, 0, new LogWriter(1, 0).fileSizes(9 * MIB, 9 * MIB).data(BAT_OFFSET, bat(1)).bytes());
        assertRefused("when its log was written", file);
        write(file, 0, new LogWriter(1, 0).fileSizes(-1, 0).data(BAT_OFFSET, bat(1)).bytes());
        assertRefused("when its log was written", file);
    }

    @Test
    void logThatCanNotBeReplayedIsRefused() {
        BuiltImageFile file = image();
        write(file, 0, new LogWriter(1, 0).bytes());
        assertReads("0000", file);
        file.reopen();
        // Only the second header counts.
        file.put32(VhdxHeader.HEADER_1_OFFSET, 0).put16(VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_VERSION_OFFSET, 1);
        VhdxBuilder.checksums(file);
        assertRefused("log has version 1", file);
        file.put16(VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_VERSION_OFFSET, 0);
        file.put32(VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_LENGTH_OFFSET, 0);
        VhdxBuilder.checksums(file);
        assertRefused("not within the file", file);
        file.put32(VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_LENGTH_OFFSET, 65 * MIB);
        VhdxBuilder.checksums(file);
        assertRefused("not within the file", file);
        file.resize(100 * MIB);
        assertRefused("too long", file);
    }

    @Test
    void entriesWithinEntriesDoNotTakeForever() {
        BuiltImageFile file = image();
        for (int sector = 0; sector < LOG_SECTORS; sector++) {
            byte[] header = Arrays.copyOf(new LogWriter(1, 0).bytes(), LogEntry.HEADER_BYTES);
            ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putInt(LogEntry.ENTRY_LENGTH_OFFSET, (int) MIB);
            file.put(LOG_OFFSET + (long) sector * SECTOR_BYTES, header);
        }

        assertRefused("entries overlap", file);
    }

    @Test
    void rangesOfZeroesWithoutEndAreRefused() {
        BuiltImageFile file = image();
        file.put32(VhdxHeader.HEADER_1_OFFSET, 0);
        file.put32(VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_LENGTH_OFFSET, 64 * MIB);
        file.put64(VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_OFFSET_OFFSET, 16 * MIB);
        VhdxBuilder.checksums(file);
        LogWriter entry = new LogWriter(1, 0);
        for (long i = 0; i <= Overlay.MAX_RANGES; i++) {
            entry.zero((1L << 50) + i * 2 * SECTOR_BYTES, SECTOR_BYTES);
        }
        file.put(16 * MIB, entry.bytes());
        file.resize(80 * MIB);

        assertRefused("changes too much", file);
    }

    @Test
    void fileThatBecomesShorterIsAnIoError() {
        BuiltImageFile file = image();
        LogWriter entry = new LogWriter(1, 0).data(BAT_OFFSET, bat(4)).data(BLOCKS_OFFSET, filled(4096, 7));
        write(file, 0, entry.bytes());

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertArrayEquals(filled(512, 7), Disks.read(image, 0, 512));
            file.resize(BLOCKS_OFFSET);
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 8192));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, MIB, 512));
            file.failWith(BlockStatus.IO_ERROR);
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
        }
    }

    @Test
    void anyDamageToTheLogIsRefusedOrAnIoError() {
        BuiltImageFile file = image();
        byte[] first = new LogWriter(1, 0).data(BAT_OFFSET, bat(2)).zero(BAT_OFFSET + 4096, 4096).bytes();
        byte[] second = new LogWriter(2, 0).data(BAT_OFFSET, bat(4)).data(BLOCKS_OFFSET, bat(9)).bytes();
        write(file, 0, first);
        write(file, 2, second);
        long[][] regions = {
            {LOG_OFFSET, LOG_OFFSET + 128},
            {LOG_OFFSET + 2 * SECTOR_BYTES, LOG_OFFSET + 2 * SECTOR_BYTES + 128},
            {LOG_OFFSET + SECTOR_BYTES, LOG_OFFSET + SECTOR_BYTES + 64},
            {VhdxHeader.HEADER_2_OFFSET + 48, VhdxHeader.HEADER_2_OFFSET + 80}
        };

        new Damage(file, regions, VhdxLogTest::checksums, damaged -> VhdxImage.open(damaged, "disk")).run(2000);
    }

    private static void checksums(BuiltImageFile file) {
        VhdxBuilder.checksums(file);
        for (long offset : new long[] {LOG_OFFSET, LOG_OFFSET + 2 * SECTOR_BYTES}) {
            int length = ByteBuffer.wrap(file.get(offset + LogEntry.ENTRY_LENGTH_OFFSET, 4))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getInt();
            file.put32(offset + Checksums.CHECKSUM_OFFSET, 0);
            file.put32(
                    offset + Checksums.CHECKSUM_OFFSET,
                    VhdxBuilder.crc(file.get(offset, Math.clamp(length, SECTOR_BYTES, 1 << 16))));
        }
    }
}

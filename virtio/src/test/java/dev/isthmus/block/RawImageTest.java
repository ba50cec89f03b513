// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A disk that is its file, byte by byte. */
class RawImageTest {
    private static final int SIZE = 8192 + 100;

    private static byte[] bytes() {
        byte[] bytes = new byte[SIZE];
        for (int i = 0; i < SIZE; i++) {
            bytes[i] = (byte) (i / 512 + 1);
        }
        return bytes;
    }

    private final MemoryImageFile file = new MemoryImageFile("raw", bytes(), false);
    private final RawImage disk = new RawImage(file, "raw");
    private final RawImage readOnly = new RawImage(new MemoryImageFile("raw", bytes(), true), "raw");
    private final ExtentList extents = new ExtentList();

    private static ScatterList list(int lengthBytes, int value) {
        MemorySegment memory = Arena.ofAuto().allocate(lengthBytes);
        memory.fill((byte) value);
        ScatterList list = new ScatterList();
        list.add(memory, 0, lengthBytes);
        return list;
    }

    private static ScatterList qcow2Header(int lengthBytes) {
        ScatterList list = list(lengthBytes, 0);
        MemorySegment.copy(
                MemorySegment.ofArray(new byte[] {'Q', 'F', 'I', (byte) 0xfb, 0, 0, 0, 3}), 0, list.segment(0), 0, 8);
        return list;
    }

    /** One that does not begin with the usual title. */
    private ScatterList vmdkDescriptor() {
        ScatterList list = list(512, 0);
        byte[] text = "# a disk\nversion=1\n".getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(MemorySegment.ofArray(text), 0, list.segment(0), 0, text.length);
        return list;
    }

    @Test
    void guestCanNotTurnWhatWasTakenForRawIntoAnotherFormat() {
        RawImage probed = new RawImage(file, "raw", true);

        assertEquals(BlockStatus.UNSUPPORTED, probed.write(0, qcow2Header(1024)));
        assertEquals(BlockStatus.UNSUPPORTED, probed.write(0, vmdkDescriptor()));
        assertFalse(probed.map(true, 0, 4096, extents));

        assertEquals(1, file.contents()[0]);
        assertEquals(BlockStatus.OK, probed.write(512, qcow2Header(512)));
        assertTrue(probed.map(true, 512, 4096, extents));
        assertTrue(probed.map(false, 0, 4096, extents));
    }

    @Test
    void otherWritesToTheStartOfWhatWasTakenForRawArriveWhole() {
        RawImage probed = new RawImage(file, "raw", true);
        ScatterList pieces = list(300, 7);
        pieces.add(list(1236, 8).segment(0), 0, 1236);

        assertEquals(BlockStatus.OK, probed.write(0, pieces));

        byte[] now = file.contents();
        assertEquals(7, now[299]);
        assertEquals(8, now[300]);
        assertEquals(8, now[1535]);
        assertEquals(4, now[1536]);
    }

    @Test
    void guestMayWriteAnythingToAnImageThatIsSaidToBeRaw() {
        assertEquals(BlockStatus.OK, disk.write(0, qcow2Header(512)));

        assertEquals('Q', file.contents()[0]);
    }

    @Test
    void lastSectorIsPaddedWithZeroes() {
        ScatterList target = list(1024, 99);

        assertEquals(8704, disk.capacityBytes());
        assertEquals(BlockStatus.OK, disk.read(7680, target));
        assertEquals(16, target.segment(0).get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(17, target.segment(0).get(ValueLayout.JAVA_BYTE, 512 + 99));
        assertEquals(0, target.segment(0).get(ValueLayout.JAVA_BYTE, 512 + 100));
    }

    @Test
    void fileThatHasShrunkIsAnIoError() {
        assertEquals(BlockStatus.OK, file.setSize(4096));

        assertEquals(BlockStatus.IO_ERROR, disk.read(7680, list(512, 0)));
        assertEquals(BlockStatus.OK, disk.read(0, list(512, 0)));
    }

    @Test
    void rangesBeyondTheEndAreRefused() {
        assertEquals(BlockStatus.OUT_OF_RANGE, disk.read(8704, list(512, 0)));
        assertEquals(BlockStatus.OUT_OF_RANGE, disk.write(8192, list(1024, 0)));
        assertEquals(BlockStatus.OUT_OF_RANGE, disk.discard(-512, 512));
        assertEquals(BlockStatus.OUT_OF_RANGE, disk.discard(0, -1));
        assertEquals(BlockStatus.OUT_OF_RANGE, disk.writeZeroes(Long.MAX_VALUE - 511, 512, true));
    }

    @Test
    void changesReachTheFile() {
        assertEquals(BlockStatus.OK, disk.write(512, list(512, 77)));
        assertEquals(BlockStatus.OK, disk.writeZeroes(1024, 512, false));
        assertEquals(BlockStatus.OK, disk.discard(2048, 512));
        assertEquals(BlockStatus.OK, disk.flush());

        byte[] now = file.contents();
        assertEquals(77, now[512]);
        assertEquals(0, now[1024]);
        assertEquals(0, now[2048]);
        assertEquals(1, file.flushes());
        assertTrue(disk.canDiscard() && disk.canWriteZeroes());
    }

    @Test
    void readOnlyFileIsNotChanged() {
        assertEquals(BlockStatus.READ_ONLY, readOnly.write(0, list(512, 1)));
        assertEquals(BlockStatus.READ_ONLY, readOnly.writeZeroes(0, 512, true));
        assertEquals(BlockStatus.READ_ONLY, readOnly.discard(0, 512));
        assertEquals(BlockStatus.READ_ONLY, readOnly.resize(512));
        assertEquals(BlockStatus.OK, readOnly.flush());
        assertFalse(readOnly.canDiscard() || readOnly.canWriteZeroes());
        assertFalse(readOnly.map(true, 0, 512, extents));
    }

    @Test
    void sizeChangesWithTheFile() {
        assertEquals(BlockStatus.OK, disk.resize(16384));
        assertEquals(16384, disk.capacityBytes());
        file.limitTo(16384);
        assertEquals(BlockStatus.NO_SPACE, disk.resize(32768));
        assertEquals(16384, disk.capacityBytes());
    }

    @Test
    void rangeIsOneExtentOfTheFile() {
        assertTrue(disk.map(false, 512, 4096, extents));

        assertEquals(1, extents.count());
        assertSame(file, extents.file(0));
        assertEquals(512, extents.offsetBytes(0));
        assertEquals(4096, extents.lengthBytes(0));
        disk.unmap(false, extents);
        assertFalse(disk.map(false, 8192, 512, extents), "the padded sector");
        assertFalse(disk.map(false, 1 << 20, 512, extents));
        disk.close();
    }

    @Test
    void extentsThatGoOnAreOne() {
        extents.clear();
        extents.add(file, 0, 512);
        extents.add(file, 512, 512);
        extents.add(null, 0, 512);
        extents.add(null, 0, 512);
        for (int i = 0; i < 6; i++) {
            extents.add(file, 4096L * i, 512);
        }
        extents.setTicket(7);

        assertEquals(8, extents.count());
        assertEquals(1024, extents.lengthBytes(0));
        assertEquals(1024, extents.lengthBytes(1));
        assertEquals(7, extents.ticket());
        extents.clear();
        assertEquals(0, extents.ticket());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Reading and writing chains however the driver split them (virtio 1.2, 2.7.4.1). */
class ChainAccessTest {
    private static final int SIZE = 32;
    private static final long DATA_GPA = 0x8000;
    private static final int DATA_BYTES = 21;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final QueueDriver driver = new QueueDriver(memory, 0x1000, SIZE, false);
    private final SplitQueue queue = new SplitQueue(
            memory,
            driver.layout(),
            SIZE,
            false,
            false,
            RingPosition.START);

    /** Offers the data area in pieces, each at twice its offset so that no two pieces touch. */
    private DescriptorChain chainOfPieces(int pieceBytes, boolean deviceWritable) {
        int count = (DATA_BYTES + pieceBytes - 1) / pieceBytes;
        Buffer[] buffers = new Buffer[count];
        for (int i = 0; i < count; i++) {
            int length = Math.min(pieceBytes, DATA_BYTES - i * pieceBytes);
            buffers[i] = new Buffer(DATA_GPA + 2L * i * pieceBytes, length, deviceWritable);
        }
        driver.offer(buffers);
        return assertInstanceOf(DescriptorChain.class, queue.pop());
    }

    private static long gpaOf(int position, int pieceBytes) {
        return DATA_GPA + 2L * (position / pieceBytes) * pieceBytes + position % pieceBytes;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 8, 13, 21})
    void readerSeesTheSameValuesHoweverTheyAreSplit(int pieceBytes) {
        for (int i = 0; i < DATA_BYTES; i++) {
            memory.writeU8(gpaOf(i, pieceBytes), 0xf0 + i);
        }
        ChainReader reader = new ChainReader();
        reader.reset(chainOfPieces(pieceBytes, false));

        assertEquals(0xf0, reader.readU8());
        assertEquals(0xf2f1, reader.readU16());
        assertEquals(0xf6f5_f4f3L, reader.readU32());
        assertEquals(0xfefd_fcfb_faf9_f8f7L, reader.readU64());
        assertEquals(15, reader.positionBytes());
        reader.skip(2);
        byte[] rest = new byte[4];
        reader.read(rest, 0, 4);
        assertArrayEquals(new byte[] {1, 2, 3, 4}, rest);
        assertEquals(0, reader.remainingBytes());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 8, 13, 21})
    void writerFillsTheSameBytesHoweverTheyAreSplit(int pieceBytes) {
        ChainWriter writer = new ChainWriter();
        writer.reset(chainOfPieces(pieceBytes, true));

        writer.writeU8(0x1f0);
        writer.writeU16(0xff_f2f1);
        writer.writeU32(0xff_f6f5_f4f3L);
        writer.writeU64(0xfefd_fcfb_faf9_f8f7L);
        writer.write(new byte[] {9, -1, 0, 1, 2, 3, 4, 9}, 1, 6);

        assertEquals(DATA_BYTES, writer.writtenBytes());
        assertEquals(0, writer.remainingBytes());
        for (int i = 0; i < DATA_BYTES; i++) {
            assertEquals((0xf0 + i) & 0xff, memory.readU8(gpaOf(i, pieceBytes)));
        }
    }

    @Test
    void readingPastTheEndIsABugThatReadsNothing() {
        ChainReader reader = new ChainReader();
        reader.reset(chainOfPieces(8, false));
        reader.skip(DATA_BYTES - 1);

        assertThrows(IndexOutOfBoundsException.class, reader::readU16);
        assertThrows(IndexOutOfBoundsException.class, reader::readU32);
        assertThrows(IndexOutOfBoundsException.class, reader::readU64);
        assertThrows(IndexOutOfBoundsException.class, () -> reader.skip(2));
        assertThrows(IndexOutOfBoundsException.class, () -> reader.read(new byte[2], 0, 2));
        assertEquals(1, reader.remainingBytes());
        reader.readU8();
        assertThrows(IndexOutOfBoundsException.class, reader::readU8);
    }

    @Test
    void writingPastTheEndIsABugThatWritesNothing() {
        ChainWriter writer = new ChainWriter();
        writer.reset(chainOfPieces(8, true));
        writer.write(new byte[DATA_BYTES], 0, DATA_BYTES - 1);

        assertThrows(IndexOutOfBoundsException.class, () -> writer.writeU16(0xffff));
        assertThrows(IndexOutOfBoundsException.class, () -> writer.write(new byte[] {1, 1}, 0, 2));
        assertEquals(1, writer.remainingBytes());
        assertEquals(0, memory.readU8(gpaOf(DATA_BYTES - 1, 8)));
    }

    @Test
    void writablePartIsNotReadable() {
        ChainReader reader = new ChainReader();
        ChainWriter writer = new ChainWriter();
        DescriptorChain chain = chainOfPieces(8, true);
        reader.reset(chain);
        writer.reset(chain);

        assertEquals(0, reader.remainingBytes());
        assertEquals(DATA_BYTES, writer.remainingBytes());
    }

    @Test
    void restOfAChainIsDrainedAsRanges() {
        ChainReader reader = new ChainReader();
        reader.reset(chainOfPieces(8, false));
        reader.skip(3);
        ScatterList rest = new ScatterList();

        reader.drainTo(rest);

        assertEquals(3, rest.count());
        assertEquals(DATA_GPA + 3, rest.offset(0));
        assertEquals(5, rest.lengthBytes(0));
        assertEquals(DATA_BYTES - 3, rest.totalBytes());
        assertEquals(0, reader.remainingBytes());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_IOERR;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_OK;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_UNSUPP;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_GET_ID;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_IN;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_OUT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Requests, by the clauses of virtio 1.2, section 5.2.6, over every transport and both ring formats. Requests are carried out at once, on the
 * loop thread.
 */
@ParameterizedClass
@CsvSource({"MMIO, false", "MMIO, true", "PCI_MSIX, false", "PCI_MSIX, true", "PCI_INTX, false", "PCI_INTX, true"})
class VirtioBlkTest {
    private static final int SECTORS = 64;
    private static final int SECTOR = VirtioBlkProtocol.SECTOR_BYTES;
    private static final long DATA = BlkTestRig.DATA_GPA;

    private final MemoryBlockBackend disk = new MemoryBlockBackend(SECTORS * SECTOR, false);
    private final VirtioRig.Carrier carrier;
    private final boolean packed;
    private final BlkTestRig rig;

    VirtioBlkTest(VirtioRig.Carrier carrier, boolean packed) {
        this.carrier = carrier;
        this.packed = packed;
        this.rig = rig(disk);
    }

    private BlkTestRig rig(MemoryBlockBackend backend) {
        return new BlkTestRig(
                carrier,
                backend,
                BlockRequest::run,
                new VirtioBlkOptions("serial-1", 1, BlkTestRig.QUEUE_SIZE).withPacked(packed));
    }

    private static byte[] pattern(int length, int seed) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + seed);
        }
        return bytes;
    }

    private byte[] guestBytes(long gpa, int length) {
        byte[] bytes = new byte[length];
        rig.memory.read(gpa, bytes, 0, length);
        return bytes;
    }

    private void bringUp() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH | VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
    }

    @Test
    void readFillsTheBufferAndUsesDataAndStatus() {
        bringUp();
        System.arraycopy(pattern(1024, 7), 0, disk.bytes(), 5 * SECTOR, 1024);

        int head = rig.offer(VIRTIO_BLK_T_IN, 5, DATA, 1024);

        rig.assertUsed(head, 1025);
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertArrayEquals(pattern(1024, 7), guestBytes(DATA, 1024));
    }

    @Test
    void writeChangesTheDiskAndUsesTheStatusOnly() {
        bringUp();
        rig.memory.write(DATA, pattern(1536, 3), 0, 1536);

        int head = rig.offer(VIRTIO_BLK_T_OUT, SECTORS - 3, DATA, 1536);

        rig.assertUsed(head, 1);
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertArrayEquals(
                pattern(1536, 3), Arrays.copyOfRange(disk.bytes(), (SECTORS - 3) * SECTOR, SECTORS * SECTOR));
    }

    @Test
    void requestsMayBeSplitAnywhere() {
        // 2.7.4.1: header, data and status in pieces of 7 and 100 bytes; and the status together with data.
        bringUp();
        System.arraycopy(pattern(SECTOR, 9), 0, disk.bytes(), 0, SECTOR);
        rig.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_IN, 0);

        rig.queue.offer(
                Buffer.readable(BlkTestRig.HEADER_GPA, 7),
                Buffer.readable(BlkTestRig.HEADER_GPA + 7, 9),
                Buffer.writable(DATA, 100),
                Buffer.writable(DATA + 100, SECTOR - 100 + 1));
        rig.notifyDevice();

        assertTrue(rig.queue.pollUsed());
        assertEquals(SECTOR + 1, rig.queue.usedLengthBytes());
        assertArrayEquals(pattern(SECTOR, 9), guestBytes(DATA, SECTOR));
        assertEquals(VIRTIO_BLK_S_OK, rig.memory.readU8(DATA + SECTOR));
    }

    @Test
    void headerMayShareADescriptorWithTheDataAndBeIndirect() {
        bringUp();
        rig.writeHeader(DATA, VIRTIO_BLK_T_OUT, 2);
        rig.memory.write(DATA + 16, pattern(SECTOR, 4), 0, SECTOR);

        rig.queue.addIndirect(0x9000, Buffer.readable(DATA, 16 + SECTOR), Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        rig.queue.publish();
        rig.notifyDevice();

        assertTrue(rig.queue.pollUsed());
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertArrayEquals(pattern(SECTOR, 4), Arrays.copyOfRange(disk.bytes(), 2 * SECTOR, 3 * SECTOR));
    }

    @Test
    void emptyTransferSucceedsWithoutTheDisk() {
        bringUp();

        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_IN, SECTORS, 0));
        assertEquals(0, disk.reads());
    }

    @ParameterizedTest
    @CsvSource({
        "64, 512",
        "63, 1024",
        "65, 512",
        "0x7fffffffffffffff, 512",
        "-1, 512",
        "0x40000000000000, 512",
        "0x80000000000000, 512",
    })
    void transferBeyondTheEndIsAnIoError(String sector, int length) {
        bringUp();

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_IN, Long.decode(sector), length));
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_OUT, Long.decode(sector), length));
        assertEquals(0, disk.reads() + disk.writes());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 511, 513})
    void lengthThatIsNoMultipleOfASectorIsAnIoError(int length) {
        bringUp();

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_IN, 0, length));
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_OUT, 0, length));
        assertEquals(0, disk.reads() + disk.writes());
    }

    @Test
    void writeToAReadOnlyDiskIsAnIoErrorThatWritesNothing() {
        MemoryBlockBackend readOnly = new MemoryBlockBackend(SECTORS * SECTOR, true);
        BlkTestRig readOnlyRig = rig(readOnly);
        readOnlyRig.bringUp(VIRTIO_BLK_F_FLUSH);

        assertEquals(VIRTIO_BLK_S_IOERR, readOnlyRig.request(VIRTIO_BLK_T_OUT, 0, SECTOR));
        assertEquals(0, readOnly.writes());
        assertEquals(VIRTIO_BLK_S_OK, readOnlyRig.request(VIRTIO_BLK_T_IN, 0, SECTOR));
        assertEquals(VIRTIO_BLK_S_OK, readOnlyRig.request(VIRTIO_BLK_T_FLUSH, 0, 0));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5, 10, 11, 13, 14, 15, 16, 26, 0x8000_0000, -1})
    void unknownTypesAreUnsupported(int type) {
        bringUp();

        assertEquals(VIRTIO_BLK_S_UNSUPP, rig.request(type, 0, SECTOR));
    }

    @Test
    void idIsTheSerialPaddedWithNul() {
        bringUp();
        rig.memory.fill(DATA, 32, (byte) 0x55);

        int head = rig.offer(VIRTIO_BLK_T_GET_ID, 0, DATA, 20);

        rig.assertUsed(head, 21);
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        byte[] id = guestBytes(DATA, 21);
        assertEquals("serial-1", new String(id, 0, 8, StandardCharsets.US_ASCII));
        assertArrayEquals(new byte[12], Arrays.copyOfRange(id, 8, 20));
        assertEquals(0x55, id[20]);
    }

    @Test
    void idIsCutToAShortBuffer() {
        bringUp();

        int head = rig.offer(VIRTIO_BLK_T_GET_ID, 0, DATA, 3);

        rig.assertUsed(head, 4);
        assertEquals('s', rig.memory.readU8(DATA));
    }

    @Test
    void flushReachesTheDiskAndMakesWritesStable() {
        bringUp();
        rig.memory.fill(DATA, SECTOR, (byte) 1);
        rig.request(VIRTIO_BLK_T_OUT, 0, SECTOR);
        assertEquals(0, disk.stableBytes()[0]);

        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_FLUSH, 0, 0));

        assertEquals(1, disk.flushes());
        assertEquals(1, disk.stableBytes()[0]);
    }

    @Test
    void writesAreStableWhereFlushWasNotNegotiated() {
        // 5.2.6.2, first condition.
        rig.bringUp(0);
        rig.memory.fill(DATA, SECTOR, (byte) 1);

        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_OUT, 0, SECTOR));

        assertEquals(1, disk.stableBytes()[0]);
    }

    @ParameterizedTest
    @EnumSource(value = BlockStatus.class, names = "OK", mode = EnumSource.Mode.EXCLUDE)
    void errorsOfTheDiskReachTheGuestAsIoErrors(BlockStatus failure) {
        bringUp();
        disk.failWith(failure);

        int head = rig.offer(VIRTIO_BLK_T_IN, 0, DATA, SECTOR);
        // Nothing can be said to be filled (2.7.8.2).
        rig.assertUsed(head, 0);
        assertEquals(VIRTIO_BLK_S_IOERR, rig.status());
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_OUT, 0, SECTOR));
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_FLUSH, 0, 0));

        disk.failWith(BlockStatus.OK);
        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_IN, 0, SECTOR));
    }

    @Test
    void exceptionOfTheDiskReachesTheGuestAsAnIoError() {
        bringUp();
        disk.throwing(new IllegalArgumentException("test"));

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_IN, 0, SECTOR));
    }

    @Test
    void diskThatShrankIsAnIoError() {
        bringUp();
        disk.shrinkTo(10 * SECTOR);

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_IN, 10, SECTOR));
        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_IN, 9, SECTOR));
    }

    // What cannot be answered at all.

    @Test
    void requestWithoutRoomForAStatusNeedsAReset() {
        bringUp();
        rig.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_OUT, 0);
        rig.queue.offer(Buffer.readable(BlkTestRig.HEADER_GPA, 16), Buffer.readable(DATA, SECTOR));
        rig.notifyDevice();

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertEquals(0, disk.writes());
    }

    @Test
    void requestWithAShortHeaderNeedsAReset() {
        bringUp();
        rig.queue.offer(Buffer.readable(BlkTestRig.HEADER_GPA, 15), Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        rig.notifyDevice();

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertFalse(rig.queue.pollUsed());
    }

    @Test
    void malformedQueueNeedsAResetAndTakesNothingMoreUntilThen() {
        bringUp();
        rig.queue.addMalformed();
        rig.queue.publish();
        rig.notifyDevice();
        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);

        rig.offer(VIRTIO_BLK_T_IN, 0, DATA, SECTOR);
        rig.transport.notifyQueue(0);
        rig.loop.runReady();
        assertFalse(rig.queue.pollUsed());

        bringUp();
        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_IN, 0, SECTOR));
    }

    @Test
    void oneInterruptServesABatchAndNoneIsSentWhereTheDriverWantsNone() {
        bringUp();
        rig.transport.takeInterrupts();
        rig.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_FLUSH, 0);
        for (int i = 0; i < 4; i++) {
            rig.queue.add(Buffer.readable(BlkTestRig.HEADER_GPA, 16), Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        }
        rig.queue.publish();
        rig.notifyDevice();
        assertEquals(1, rig.transport.takeInterrupts());

        rig.queue.disableInterrupts();
        rig.request(VIRTIO_BLK_T_FLUSH, 0, 0);
        assertEquals(0, rig.transport.takeInterrupts());
    }
}

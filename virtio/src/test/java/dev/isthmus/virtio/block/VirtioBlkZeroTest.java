// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.virtio.block.VirtioBlkProtocol.SEGMENT_BYTES;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_IOERR;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_OK;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_UNSUPP;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_DISCARD;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_SECURE_ERASE;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_WRITE_ZEROES;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** DISCARD and WRITE_ZEROES, by the clauses of virtio 1.2, sections 5.2.6.1 and 5.2.6.2, over every transport. */
@ParameterizedClass
@EnumSource(VirtioRig.Carrier.class)
class VirtioBlkZeroTest {
    private static final int SECTORS = 64;
    private static final int SECTOR = VirtioBlkProtocol.SECTOR_BYTES;
    private static final long FEATURES = VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;

    private final MemoryBlockBackend disk = MemoryBlockBackend.withZeroes(SECTORS * SECTOR);
    private final VirtioRig.Carrier carrier;

    VirtioBlkZeroTest(VirtioRig.Carrier carrier) {
        this.carrier = carrier;
    }

    private BlkTestRig rig(MemoryBlockBackend backend, boolean discard, long features) {
        BlkTestRig rig = new BlkTestRig(
                carrier,
                backend,
                BlockRequest::run,
                new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE).withDiscard(discard));
        rig.bringUp(features);
        return rig;
    }

    private BlkTestRig rig() {
        return rig(disk, true, FEATURES);
    }

    private int changes() {
        return disk.discards() + disk.unmaps() + disk.writes();
    }

    @Test
    void discardReachesTheDiskAndUsesTheStatusOnly() {
        BlkTestRig rig = rig();
        rig.writeSegment(0, 3, 2, 0);

        int head = rig.offer(VIRTIO_BLK_T_DISCARD, 0, BlkTestRig.DATA_GPA, SEGMENT_BYTES);

        rig.assertUsed(head, 1);
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertEquals(1, disk.discards());
        assertEquals(0, disk.bytes()[3 * SECTOR - 1]);
        assertEquals((byte) 0xdd, disk.bytes()[3 * SECTOR]);
        assertEquals((byte) 0xdd, disk.bytes()[5 * SECTOR - 1]);
        assertEquals(0, disk.bytes()[5 * SECTOR]);
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 0", "1, 0, 1"})
    void zeroesReadAsZeroesAndUnmapIsTheDriversChoice(int flags, int writes, int unmaps) {
        // 5.2.6.2: "reads of the specified ranges of sectors MUST return zeroes", whatever unmap is.
        BlkTestRig rig = rig();
        disk.bytes()[0] = 1;
        disk.bytes()[SECTOR] = 1;
        rig.writeSegment(0, 0, 1, flags);

        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_WRITE_ZEROES, 0, SEGMENT_BYTES));

        assertEquals(0, disk.bytes()[0]);
        assertEquals(1, disk.bytes()[SECTOR]);
        assertEquals(writes, disk.writes());
        assertEquals(unmaps, disk.unmaps());
    }

    @Test
    void diskThatKeepsItsStorageWritesZeroesInstead() {
        BlkTestRig rig = rig(disk, false, VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_WRITE_ZEROES);
        rig.writeSegment(0, 0, 1, 1);

        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_WRITE_ZEROES, 0, SEGMENT_BYTES));

        assertEquals(0, disk.unmaps());
        assertEquals(1, disk.writes());
    }

    @Test
    void allSegmentsAreCarriedOutAndTheRequestIsUsedOnce() {
        BlkTestRig rig = rig();
        for (int i = 0; i < 64; i++) {
            rig.writeSegment(i, i, i % 2, 0);
        }

        int head = rig.offer(VIRTIO_BLK_T_DISCARD, 0, BlkTestRig.DATA_GPA, 64 * SEGMENT_BYTES);

        rig.assertUsed(head, 1);
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        // Empty ones are nothing to do.
        assertEquals(32, disk.discards());
    }

    @Test
    void firstErrorOfTheDiskEndsAllSegmentsOnce() {
        BlkTestRig rig = rig();
        disk.failWith(BlockStatus.NO_SPACE);
        rig.writeSegment(0, 0, 1, 0);
        rig.writeSegment(1, 1, 1, 0);

        int head = rig.offer(VIRTIO_BLK_T_WRITE_ZEROES, 0, BlkTestRig.DATA_GPA, 2 * SEGMENT_BYTES);

        rig.assertUsed(head, 1);
        assertEquals(VIRTIO_BLK_S_IOERR, rig.status());
        assertEquals(1, disk.writes());
    }

    @ParameterizedTest
    @CsvSource({
        "64, 1",
        "63, 2",
        "65, 0",
        "0, 0xffffffff",
        "0x7fffffffffffffff, 1",
        "-1, 1",
        "-1, 0",
        "0x80000000000000, 1",
    })
    void segmentBeyondTheEndIsAnIoErrorThatChangesNothing(String sector, String sectors) {
        // 5.2.6.1: no request beyond capacity; the sound segment before it is not carried out, either.
        BlkTestRig rig = rig();
        rig.writeSegment(0, 0, 1, 0);
        rig.writeSegment(1, Long.decode(sector), Long.decode(sectors), 0);

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_DISCARD, 0, 2 * SEGMENT_BYTES));
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 2 * SEGMENT_BYTES));

        assertEquals(0, changes());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 15, 17, 24, 65 * SEGMENT_BYTES})
    void dataThatIsNoMultipleOfASegmentOrTooManyIsAnIoError(int length) {
        // 5.2.6.1: "The length of data MUST be a multiple of the size of struct virtio_blk_discard_write_zeroes", and
        // "MUST NOT contain more than max_discard_seg" of them.
        BlkTestRig rig = rig();

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_DISCARD, 0, length));
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_WRITE_ZEROES, 0, length));

        assertEquals(0, changes());
    }

    @Test
    void segmentOfMoreThanMaxSectorsIsAnIoError() {
        // 5.2.6.1: num_sectors is at most max_discard_sectors, max_write_zeroes_sectors. The disk is only said to be so large.
        MemoryBlockBackend large = MemoryBlockBackend.withZeroes(SECTOR);
        large.shrinkTo(1L << 40);
        BlkTestRig rig = rig(large, true, FEATURES);
        rig.writeSegment(0, 0, 1 << 22, 0);

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_DISCARD, 0, SEGMENT_BYTES));
        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(VIRTIO_BLK_T_WRITE_ZEROES, 0, SEGMENT_BYTES));

        assertEquals(0, large.discards() + large.writes());
    }

    @ParameterizedTest
    @CsvSource({"11, 1", "11, 2", "11, 0x80000000", "13, 2", "13, 3", "13, 0xffffffff"})
    void unknownFlagsAndUnmapOfADiscardAreUnsupported(int type, String flags) {
        // 5.2.6.2: "MUST set the status byte to VIRTIO_BLK_S_UNSUPP", which also wins over a range that is out of bounds.
        BlkTestRig rig = rig();
        rig.writeSegment(0, SECTORS, 1, 0);
        rig.writeSegment(1, 0, 1, Long.decode(flags).intValue());

        assertEquals(VIRTIO_BLK_S_UNSUPP, rig.request(type, 0, 2 * SEGMENT_BYTES));

        assertEquals(0, changes());
    }

    @ParameterizedTest
    @ValueSource(ints = {VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES})
    void whatWasNotNegotiatedIsUnsupported(int type) {
        BlkTestRig rig = rig(disk, true, VIRTIO_BLK_F_FLUSH);
        rig.writeSegment(0, 0, 1, 0);

        assertEquals(VIRTIO_BLK_S_UNSUPP, rig.request(type, 0, SEGMENT_BYTES));

        assertEquals(0, changes());
    }

    @ParameterizedTest
    @ValueSource(ints = {VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES})
    void readOnlyDiskAnswersWithAnIoError(int type) {
        // 5.2.6.2: as to any write.
        BlkTestRig rig = rig(new MemoryBlockBackend(SECTORS * SECTOR, true), true, VIRTIO_BLK_F_FLUSH);
        rig.writeSegment(0, 0, 1, 0);

        assertEquals(VIRTIO_BLK_S_IOERR, rig.request(type, 0, SEGMENT_BYTES));
    }

    @Test
    void secureEraseIsNotOfferedAndUnsupported() {
        BlkTestRig rig = rig();
        rig.writeSegment(0, 0, 1, 0);

        assertEquals(0, rig.driver.deviceFeatures() & 1L << 16);
        assertEquals(VIRTIO_BLK_S_UNSUPP, rig.request(VIRTIO_BLK_T_SECURE_ERASE, 0, SEGMENT_BYTES));
    }
}

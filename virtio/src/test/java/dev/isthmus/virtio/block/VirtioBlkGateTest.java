// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RateLimits;
import dev.isthmus.device.Rate;
import dev.isthmus.testing.block.ManualBlockExecutor;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_IOERR;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_OK;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_IN;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_OUT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

/** What keeps requests from the disk for a while: rate limits, holds, faults that are to be repaired; and resizing. */
@Timeout(60)
@ParameterizedClass
@EnumSource(VirtioRig.Carrier.class)
class VirtioBlkGateTest {
    private static final int SECTOR = VirtioBlkProtocol.SECTOR_BYTES;
    private static final long MILLISECOND = 1_000_000L;

    private final MemoryBlockBackend disk = new MemoryBlockBackend(64 * SECTOR, false);
    private final ManualBlockExecutor executor = new ManualBlockExecutor();
    private final BlkTestRig rig;

    VirtioBlkGateTest(VirtioRig.Carrier carrier) {
        this.rig = new BlkTestRig(carrier, disk, executor, new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE));
    }

    private void bringUp() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH | VirtioFeatures.VIRTIO_F_RING_RESET | VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
    }

    /** Offers requests of one sector, a descriptor each, and notifies. */
    private void offer(int type, int count) {
        rig.writeHeader(BlkTestRig.HEADER_GPA, type, 0);
        boolean write = type == VIRTIO_BLK_T_OUT;
        for (int i = 0; i < count; i++) {
            rig.queue.addIndirect(
                    write ? 0x9000 : 0x9100,
                    Buffer.readable(BlkTestRig.HEADER_GPA, VirtioBlkProtocol.HEADER_BYTES),
                    new Buffer(BlkTestRig.DATA_GPA, SECTOR, !write),
                    Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        }
        rig.queue.publish();
        rig.notifyDevice();
    }

    private int finish() {
        int ran = executor.pending();
        executor.runAll();
        rig.loop.runReady();
        return ran;
    }

    private int takeUsed() {
        int taken = 0;
        while (rig.queue.pollUsed()) {
            taken++;
        }
        return taken;
    }

    // Rate limits.

    @Test
    void requestsBeginAtTheRateToTheNanosecond() {
        bringUp();
        rig.device.setLimits(RateLimits.ofOperations(Rate.of(10)));
        offer(VIRTIO_BLK_T_IN, 8);

        // A tenth of a second's worth fits, and one more begins on it.
        assertEquals(2, finish());
        for (int i = 0; i < 6; i++) {
            rig.loop.advanceNanos(100 * MILLISECOND - 1);
            assertEquals(0, finish());
            rig.loop.advanceNanos(1);
            assertEquals(1, finish());
        }
        assertEquals(8, takeUsed());
        assertEquals(8, disk.reads());
    }

    @Test
    void bytesAreLimitedWhateverTheRequestsSizes() {
        bringUp();
        rig.device.setLimits(RateLimits.ofBytes(Rate.of(10 * SECTOR)));

        // 8 sectors fill the bucket of 1 sector by 7 too much: 0.7 s.
        rig.offer(VIRTIO_BLK_T_OUT, 0, BlkTestRig.DATA_GPA, 8 * SECTOR);
        assertEquals(1, finish());
        rig.offer(VIRTIO_BLK_T_OUT, 0, BlkTestRig.DATA_GPA, SECTOR);
        rig.loop.advanceNanos(700 * MILLISECOND - 1);
        assertEquals(0, finish());
        rig.loop.advanceNanos(1);
        assertEquals(1, finish());
    }

    @Test
    void limitOfWritesLeavesReadsAndFlushesAlone() {
        bringUp();
        Rate none = Rate.UNLIMITED;
        rig.device.setLimits(new RateLimits(none, none, Rate.of(10), none, none, none));
        offer(VIRTIO_BLK_T_OUT, 4);
        assertEquals(2, finish());

        offer(VIRTIO_BLK_T_IN, 4);
        assertEquals(4, finish());
        rig.offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
        assertEquals(1, finish());
        assertEquals(2, disk.writes());
    }

    @Test
    void readsAndWritesTakeTurnsAtALimitOfBoth() {
        bringUp();
        rig.device.setLimits(RateLimits.ofOperations(Rate.of(10)));
        offer(VIRTIO_BLK_T_OUT, 8);
        finish();
        offer(VIRTIO_BLK_T_IN, 4);

        for (int i = 0; i < 8; i++) {
            rig.loop.advanceNanos(100 * MILLISECOND);
            assertEquals(1, finish());
        }

        assertEquals(4, disk.reads());
        assertEquals(6, disk.writes());
    }

    @Test
    void otherLimitsHoldForRequestsThatWaitAlready() {
        bringUp();
        rig.device.setLimits(RateLimits.ofOperations(Rate.of(1)));
        offer(VIRTIO_BLK_T_IN, 8);
        assertEquals(1, finish());

        rig.device.setLimits(RateLimits.NONE);

        assertEquals(7, finish());
        rig.loop.advanceNanos(100_000 * MILLISECOND);
        assertEquals(8, takeUsed());
    }

    @Test
    void diskThatIsLimitedDoesNotDelayAnother() {
        bringUp();
        rig.device.setLimits(RateLimits.ofOperations(Rate.of(1)));
        offer(VIRTIO_BLK_T_IN, 8);
        BlkTestRig other = new BlkTestRig(
                disk, BlockRequest::run, new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE), rig.loop);
        other.bringUp(VIRTIO_BLK_F_FLUSH);

        for (int i = 0; i < 100; i++) {
            assertEquals(VIRTIO_BLK_S_OK, other.request(VIRTIO_BLK_T_IN, 0, SECTOR));
        }
    }

    @Test
    void resetsWaitForNothingThatIsOnlyDelayed() {
        bringUp();
        rig.device.setLimits(RateLimits.ofOperations(Rate.of(1)));
        offer(VIRTIO_BLK_T_OUT, 8);
        assertEquals(1, finish());

        rig.driver.resetQueue(0);
        assertFalse(rig.driver.queueEnabled(0));
        rig.driver.reset();
        assertEquals(0, rig.driver.status());
        rig.loop.advanceNanos(100_000 * MILLISECOND);

        assertEquals(0, finish());
        assertEquals(1, disk.writes());
    }

    @Test
    void resetDoesNotGiveAFreshStart() {
        bringUp();
        rig.device.setLimits(RateLimits.ofOperations(Rate.of(10)));
        offer(VIRTIO_BLK_T_IN, 4);
        assertEquals(2, finish());

        bringUp();
        offer(VIRTIO_BLK_T_IN, 4);

        assertEquals(0, finish());
    }

    // Holds.

    @Test
    void holdWaitsForWhatIsInFlightAndKeepsTheRestUntilItsRelease() {
        bringUp();
        offer(VIRTIO_BLK_T_IN, 2);
        List<String> events = new ArrayList<>();

        rig.device.hold(() -> events.add("drained"));
        offer(VIRTIO_BLK_T_IN, 3);
        executor.runOldest();
        rig.loop.runReady();
        assertEquals(List.of(), events);
        assertEquals(1, finish());
        assertEquals(List.of("drained"), events);
        assertEquals(2, takeUsed());
        assertEquals(0, finish());

        rig.device.release();
        assertEquals(3, finish());
        assertEquals(3, takeUsed());
    }

    @Test
    void holdOfAnIdleDiskIsDrainedAtOnceAndOutlivesAReset() {
        List<String> events = new ArrayList<>();
        rig.device.hold(() -> events.add("drained"));
        assertEquals(List.of("drained"), events);

        bringUp();
        offer(VIRTIO_BLK_T_IN, 2);
        rig.driver.reset();
        bringUp();
        offer(VIRTIO_BLK_T_IN, 1);
        assertEquals(0, finish());

        rig.device.release();
        assertEquals(1, finish());
        assertEquals(1, takeUsed());
    }

    // Faults that are to be repaired.

    @Test
    void requestThatFailedIsRepeatedAndTheGuestNeverKnows() {
        List<String> faults = new ArrayList<>();
        rig.device.setFaults((operation, status) -> faults.add(operation + " " + status));
        bringUp();
        disk.failWith(BlockStatus.NO_SPACE);
        rig.memory.fill(BlkTestRig.DATA_GPA, SECTOR, (byte) 7);
        int head = rig.offer(VIRTIO_BLK_T_OUT, 3, BlkTestRig.DATA_GPA, SECTOR);
        finish();
        assertEquals(List.of("WRITE NO_SPACE"), faults);
        rig.offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
        assertEquals(0, finish(), "nothing goes on before the fault is repaired");
        assertEquals(0, takeUsed());

        disk.failWith(BlockStatus.OK);
        rig.device.retry();

        executor.runOldest();
        rig.loop.runReady();
        rig.assertUsed(head, 1);
        finish();
        assertEquals(1, takeUsed());
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertEquals(7, disk.bytes()[3 * SECTOR]);
        assertEquals(1, faults.size());
    }

    @Test
    void faultThatIsStillThereIsKeptAgain() {
        List<String> faults = new ArrayList<>();
        rig.device.setFaults((operation, status) -> faults.add(status.name()));
        bringUp();
        disk.throwing(new IllegalStateException("test"));
        rig.offer(VIRTIO_BLK_T_IN, 3, BlkTestRig.DATA_GPA, SECTOR);
        finish();

        rig.device.retry();
        finish();

        assertEquals(List.of("IO_ERROR", "IO_ERROR"), faults);
        assertEquals(0, takeUsed());
    }

    @Test
    void resetForgetsWhatWasKept() {
        rig.device.setFaults((operation, status) -> true);
        bringUp();
        disk.failWith(BlockStatus.IO_ERROR);
        offer(VIRTIO_BLK_T_OUT, 3);
        finish();

        rig.driver.reset();
        disk.failWith(BlockStatus.OK);
        bringUp();
        offer(VIRTIO_BLK_T_IN, 1);

        assertEquals(1, finish());
        assertEquals(1, takeUsed());
        assertEquals(3, disk.writes());
    }

    @Test
    void driversOwnMistakesAreReportedToIt() {
        rig.device.setFaults((operation, status) -> {
            throw new AssertionError("no fault of the host");
        });
        bringUp();
        rig.offer(VIRTIO_BLK_T_IN, 64, BlkTestRig.DATA_GPA, SECTOR);
        assertEquals(VIRTIO_BLK_S_IOERR, rig.status());

        rig.offer(VIRTIO_BLK_T_IN, 63, BlkTestRig.DATA_GPA, SECTOR);
        disk.shrinkTo(63 * SECTOR);
        finish();
        assertEquals(VIRTIO_BLK_S_IOERR, rig.status());
    }

    // Resizing.

    @Test
    void driverLearnsOfAnotherCapacityByGenerationAndInterrupt() {
        // 2.5.3, 5.2.5: capacity may change, with a configuration change notification.
        bringUp();
        rig.transport.takeInterrupts();
        int generation = rig.driver.configGeneration();
        disk.shrinkTo(32 * SECTOR);

        rig.device.capacityChanged();

        assertEquals(1, rig.transport.takeInterrupts());
        assertNotEquals(generation, rig.driver.configGeneration());
        assertEquals(32, rig.driver.readConfig(0, 4));
        assertEquals(VIRTIO_BLK_S_IOERR, status(32));
        disk.growTo(64 * SECTOR);
        rig.device.capacityChanged();
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(VIRTIO_BLK_S_OK, status(32));
    }

    @Test
    void driverLearnsOfAnotherCapacityThoughItsOwnWriteHasShownItAlready() {
        // 5.2.5.1: a driver with CONFIG_WCE writes to the configuration space, which brings all of it up to date.
        rig.bringUp(VIRTIO_BLK_F_FLUSH | VirtioBlkProtocol.VIRTIO_BLK_F_CONFIG_WCE);
        rig.transport.takeInterrupts();
        disk.shrinkTo(32 * SECTOR);
        rig.driver.writeConfig(VirtioBlkConfig.WRITEBACK, 1, 1 - rig.driver.readConfig(VirtioBlkConfig.WRITEBACK, 1));
        assertEquals(32, rig.driver.readConfig(0, 4));

        rig.device.capacityChanged();

        assertEquals(1, rig.transport.takeInterrupts());
    }

    private int status(long sector) {
        rig.offer(VIRTIO_BLK_T_IN, sector, BlkTestRig.DATA_GPA, SECTOR);
        finish();
        takeUsed();
        rig.transport.takeInterrupts();
        return rig.status();
    }

    @Test
    void capacityThatIsTheSameAndDriverThatIsNotThereAreNotTold() {
        disk.shrinkTo(32 * SECTOR);
        rig.device.capacityChanged();
        assertEquals(0, rig.transport.takeInterrupts());
        assertEquals(32, rig.driver.readConfig(0, 4));

        bringUp();
        rig.transport.takeInterrupts();
        rig.device.capacityChanged();
        assertEquals(0, rig.transport.takeInterrupts());

        rig.driver.reset();
        disk.growTo(64 * SECTOR);
        rig.device.capacityChanged();
        assertEquals(0, rig.transport.takeInterrupts());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.testing.block.ManualBlockExecutor;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_OK;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_IN;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_OUT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Requests while the executor has them: order, batches, resets. */
@Timeout(60)
class VirtioBlkInFlightTest {
    private static final int SECTOR = VirtioBlkProtocol.SECTOR_BYTES;

    private final MemoryBlockBackend disk = new MemoryBlockBackend(64 * SECTOR, false);
    private final ManualBlockExecutor executor = new ManualBlockExecutor();
    private final BlkTestRig rig = new BlkTestRig(disk, executor);

    @Test
    void requestIsNotUsedBeforeItIsDone() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        int head = rig.offer(VIRTIO_BLK_T_IN, 0, BlkTestRig.DATA_GPA, SECTOR);
        assertFalse(rig.queue.pollUsed());
        assertEquals(BlkTestRig.UNTOUCHED, rig.status());

        executor.runAll();
        assertFalse(rig.queue.pollUsed());

        rig.loop.runReady();
        rig.assertUsed(head, SECTOR + 1);
    }

    @Test
    void requestsAreUsedInTheOrderInWhichTheyAreDone() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        int first = rig.offer(VIRTIO_BLK_T_IN, 0, BlkTestRig.DATA_GPA, SECTOR);
        int second = rig.offer(VIRTIO_BLK_T_IN, 0, BlkTestRig.DATA_GPA, SECTOR);

        executor.runNewest();
        executor.runOldest();
        rig.transport.takeInterrupts();
        rig.loop.runReady();

        rig.assertUsed(second, SECTOR + 1);
        rig.assertUsed(first, SECTOR + 1);
        assertEquals(1, rig.transport.takeInterrupts());
    }

    @Test
    void dataIsTakenWhenTheRequestRunsButTheHeaderWhenItIsOffered() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        rig.memory.fill(BlkTestRig.DATA_GPA, SECTOR, (byte) 1);
        rig.offer(VIRTIO_BLK_T_OUT, 3, BlkTestRig.DATA_GPA, SECTOR);
        rig.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_OUT, 1 << 20);

        executor.runAll();
        rig.loop.runReady();

        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertEquals(1, disk.bytes()[3 * SECTOR]);
    }

    @Test
    void malformedQueueStillHandsBackWhatIsInFlight() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        int head = rig.offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
        rig.queue.addMalformed();
        rig.queue.publish();
        rig.notifyDevice();
        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);

        executor.runAll();
        rig.loop.runReady();

        rig.assertUsed(head, 1);
    }

    /** Makes a whole queue of requests available that the device answers at once, one descriptor each. */
    private void fillWithUnsupportedRequests() {
        rig.writeHeader(BlkTestRig.HEADER_GPA, 99, 0);
        while (rig.queue.freeDescriptors() > 0) {
            rig.queue.addIndirect(
                    0x9000,
                    Buffer.readable(BlkTestRig.HEADER_GPA, 16),
                    Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        }
        rig.queue.publish();
    }

    private int takeUsed() {
        int taken = 0;
        while (rig.queue.pollUsed()) {
            taken++;
        }
        return taken;
    }

    @Test
    void driverThatRefillsTheQueueAllTheTimeDoesNotKeepTheLoopAndIsServedWithoutNotifying() {
        rig.bringUp(VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
        fillWithUnsupportedRequests();
        rig.transport.notifyQueue(0);
        assertEquals(BlkTestRig.QUEUE_SIZE, takeUsed());

        // The device did not ask for a notification, as it has not seen the queue empty.
        fillWithUnsupportedRequests();
        assertFalse(rig.queue.needsKick());
        assertEquals(0, takeUsed());
        rig.loop.runOnce();
        assertEquals(BlkTestRig.QUEUE_SIZE, takeUsed());

        rig.loop.runReady();
        fillWithUnsupportedRequests();
        assertTrue(rig.queue.needsKick());
    }

    @Test
    void resetForgetsWorkThatWasPutOff() {
        rig.bringUp(VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
        fillWithUnsupportedRequests();
        rig.transport.notifyQueue(0);
        takeUsed();
        fillWithUnsupportedRequests();

        rig.driver.reset();
        rig.loop.runReady();

        assertEquals(0, takeUsed());
    }

    @Test
    void resetWaitsForRequestsInFlightAndSignalsNothing() throws InterruptedException {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        for (int i = 0; i < 4; i++) {
            rig.offer(VIRTIO_BLK_T_OUT, i, BlkTestRig.DATA_GPA, SECTOR);
        }
        rig.transport.takeInterrupts();

        Thread cpu = begin(rig.driver::reset);
        executor.runOldest();
        executor.runNewest();
        rig.loop.runReady();
        assertNotEquals(0, rig.driver.status());
        assertTrue(cpu.isAlive());

        executor.runAll();
        rig.loop.runReady();
        cpu.join();
        assertEquals(0, rig.driver.status());
        assertEquals(4, disk.writes());
        assertEquals(0, rig.transport.takeInterrupts());
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        rig.offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
        executor.runAll();
        rig.loop.runReady();
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
    }

    @Test
    void diskThatHangsDuringItsResetDoesNotKeepTheLoopFromOthers() throws InterruptedException {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        rig.offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
        BlkTestRig other = new BlkTestRig(
                disk, BlockRequest::run, new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE), rig.loop);
        other.bringUp(VIRTIO_BLK_F_FLUSH);

        Thread cpu = begin(rig.driver::reset);

        assertEquals(VIRTIO_BLK_S_OK, other.request(VIRTIO_BLK_T_IN, 0, SECTOR));
        other.driver.reset();
        assertEquals(0, other.driver.status());
        assertTrue(cpu.isAlive());
        executor.runAll();
        rig.loop.runReady();
        cpu.join();
    }

    /** Has another vCPU do what makes it wait, up to where the loop has begun with it. */
    private Thread begin(Runnable access) throws InterruptedException {
        Thread cpu = Thread.ofPlatform().start(access);
        rig.loop.awaitPosted(1);
        rig.loop.runReady();
        return cpu;
    }

    @Test
    void queueResetWaitsForItsOwnRequestsOnlyAndTakesNoneMeanwhile() throws InterruptedException {
        BlkTestRig two = new BlkTestRig(
                disk, executor, new VirtioBlkOptions("", 2, BlkTestRig.QUEUE_SIZE), rig.loop);
        QueueDriver second = new QueueDriver(two.memory, 0x3000, BlkTestRig.QUEUE_SIZE, false);
        bringUpBoth(two, second);
        two.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_FLUSH, 0);
        Buffer header = Buffer.readable(BlkTestRig.HEADER_GPA, 16);
        Buffer status = Buffer.writable(BlkTestRig.STATUS_GPA, 1);
        second.offer(header, status);
        two.driver.notifyQueue(1);
        two.loop.runReady();
        two.offer(VIRTIO_BLK_T_FLUSH, 0, 0, 0);

        Thread cpu = begin(() -> two.driver.resetQueue(1));
        second.offer(header, status);
        two.driver.notifyQueue(1);
        executor.runNewest();
        two.loop.runReady();
        assertTrue(two.queue.pollUsed());
        assertTrue(cpu.isAlive());
        assertEquals(1, executor.pending());

        executor.runAll();
        two.transport.takeInterrupts();
        two.loop.runReady();
        cpu.join();
        assertEquals(2, disk.flushes());
        assertTrue(second.pollUsed());
        assertEquals(0, two.transport.takeInterrupts());
    }

    private static void bringUpBoth(BlkTestRig two, QueueDriver second) {
        assertTrue(two.driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1
                | VirtioFeatures.VIRTIO_F_RING_RESET
                | VirtioBlkProtocol.VIRTIO_BLK_F_MQ
                | VIRTIO_BLK_F_FLUSH));
        two.driver.setUpQueue(0, two.queue);
        two.driver.setUpQueue(1, second);
        two.driver.driverOk();
    }

    @Test
    void queueResetDrainsItsQueueAndLeavesTheOtherRunning() {
        BlkTestRig two = new BlkTestRig(
                disk, BlockRequest::run, new VirtioBlkOptions("", 2, BlkTestRig.QUEUE_SIZE));
        QueueDriver second = new QueueDriver(two.memory, 0x3000, BlkTestRig.QUEUE_SIZE, false);
        bringUpBoth(two, second);

        two.driver.resetQueue(1);

        assertEquals(VIRTIO_BLK_S_OK, two.request(VIRTIO_BLK_T_IN, 0, SECTOR));
        QueueDriver again = new QueueDriver(two.memory, 0x3000, 4, false);
        two.driver.setUpQueue(1, again);
        two.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_FLUSH, 0);
        again.offer(Buffer.readable(BlkTestRig.HEADER_GPA, 16), Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        two.driver.notifyQueue(1);
        two.loop.runReady();
        assertTrue(again.pollUsed());
    }
}

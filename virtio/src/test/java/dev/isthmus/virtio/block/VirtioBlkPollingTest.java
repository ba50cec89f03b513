// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_OK;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The device while its loop looks for requests by itself. */
class VirtioBlkPollingTest {
    private final MemoryBlockBackend disk = new MemoryBlockBackend(64 * VirtioBlkProtocol.SECTOR_BYTES, false);
    private final BlkTestRig rig = new BlkTestRig(disk, BlockRequest::run);

    private LoopPoller poller() {
        assertEquals(1, rig.loop.pollers().size());
        return rig.loop.pollers().getFirst();
    }

    /** Makes a flush available and tells nobody. */
    private int offerSilently() {
        rig.writeHeader(BlkTestRig.HEADER_GPA, VIRTIO_BLK_T_FLUSH, 0);
        return rig.queue.offer(
                Buffer.readable(BlkTestRig.HEADER_GPA, 16), Buffer.writable(BlkTestRig.STATUS_GPA, 1));
    }

    @Test
    void requestIsFoundWithoutANotificationAndNoneIsAskedFor() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        poller().begin();
        assertFalse(poller().poll());

        int head = offerSilently();
        assertFalse(rig.queue.needsKick());
        assertTrue(poller().poll());

        rig.loop.runReady();
        rig.assertUsed(head, 1);
        assertEquals(VIRTIO_BLK_S_OK, rig.status());
        assertFalse(poller().poll());
        offerSilently();
        assertFalse(rig.queue.needsKick());
    }

    @Test
    void requestsAreNotifiedAgainAfterwardsAndWhatCameBeforeIsServed() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        poller().begin();
        int head = offerSilently();

        poller().end();

        rig.loop.runReady();
        rig.assertUsed(head, 1);
        offerSilently();
        assertTrue(rig.queue.needsKick());
    }

    @Test
    void brokenQueueGivesTheLoopNothingToDo() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        poller().begin();
        rig.queue.addMalformed();
        rig.queue.publish();

        assertTrue(poller().poll());
        assertFalse(poller().poll());
        poller().end();

        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    }

    @Test
    void queueBesideABrokenOneGivesTheLoopNothingToDo() {
        BlkTestRig two = new BlkTestRig(
                disk, BlockRequest::run, new VirtioBlkOptions("", 2, BlkTestRig.QUEUE_SIZE), rig.loop);
        assertTrue(two.driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        QueueDriver second = new QueueDriver(two.memory, 0x3000, BlkTestRig.QUEUE_SIZE, false);
        two.driver.setUpQueue(0, two.queue);
        two.driver.setUpQueue(1, second);
        two.driver.driverOk();
        poller().begin();
        two.queue.addMalformed();
        two.queue.publish();
        assertTrue(poller().poll());

        second.offer(Buffer.readable(BlkTestRig.HEADER_GPA, 16), Buffer.writable(BlkTestRig.STATUS_GPA, 1));

        assertFalse(poller().poll());
    }

    @Test
    void queueThatIsSetUpWronglyWhileLiveLeavesTheOthersAlone() {
        // 2.1.2, 2.6.1: a queue that is enabled again and can't be used means DEVICE_NEEDS_RESET, for all queues.
        BlkTestRig two = new BlkTestRig(
                disk, BlockRequest::run, new VirtioBlkOptions("", 2, BlkTestRig.QUEUE_SIZE), rig.loop);
        assertTrue(two.driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1 | VirtioFeatures.VIRTIO_F_RING_RESET));
        two.queue = new QueueDriver(two.memory, 0x1000, BlkTestRig.QUEUE_SIZE, false);
        two.driver.setUpQueue(0, two.queue);
        two.driver.setUpQueue(1, new QueueDriver(two.memory, 0x3000, BlkTestRig.QUEUE_SIZE, false));
        two.driver.driverOk();
        poller().begin();
        two.driver.resetQueue(1);
        two.driver.setUpQueue(1, new QueueDriver(two.memory, 0x3001, BlkTestRig.QUEUE_SIZE, false));
        assertTrue((two.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);

        two.queue.offer(Buffer.readable(BlkTestRig.HEADER_GPA, 16), Buffer.writable(BlkTestRig.STATUS_GPA, 1));

        assertFalse(poller().poll());
    }

    @Test
    void deviceThatWasResetIsNotLookedAt() {
        rig.bringUp(VIRTIO_BLK_F_FLUSH);
        assertEquals(1, rig.loop.pollers().size());

        rig.driver.reset();

        assertEquals(0, rig.loop.pollers().size());
    }
}

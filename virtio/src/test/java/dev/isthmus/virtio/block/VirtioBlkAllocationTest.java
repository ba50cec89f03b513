// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RateLimits;
import dev.isthmus.device.Rate;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_NEXT;
import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** The whole way of a request, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioBlkAllocationTest {
    private static final int REQUESTS = 10_000;

    @ParameterizedTest
    @ValueSource(ints = {
        VirtioBlkProtocol.VIRTIO_BLK_T_IN,
        VirtioBlkProtocol.VIRTIO_BLK_T_OUT,
        VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH,
        VirtioBlkProtocol.VIRTIO_BLK_T_GET_ID,
        VirtioBlkProtocol.VIRTIO_BLK_T_DISCARD,
        99
    })
    void requestAllocatesNothing(int type) {
        // The disk does nothing: what an engine allocates is its own affair.
        BlkTestRig rig = new BlkTestRig(
                MemoryBlockBackend.withZeroes(1 << 16), VirtioBlkAllocationTest::completeWithoutDisk);
        measure(rig, type);
    }

    @ParameterizedTest
    @ValueSource(ints = {VirtioBlkProtocol.VIRTIO_BLK_T_IN, VirtioBlkProtocol.VIRTIO_BLK_T_OUT})
    void requestThatWaitsForItsRateAllocatesNothing(int type) {
        BlkTestRig rig = new BlkTestRig(
                MemoryBlockBackend.withZeroes(1 << 16), VirtioBlkAllocationTest::completeWithoutDisk);
        rig.device.setLimits(RateLimits.ofOperations(new Rate(100, 200, 2)));
        measure(rig, type);
    }

    private static void measure(BlkTestRig rig, int type) {
        rig.bringUp(VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH
                | VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD
                | VirtioFeatures.VIRTIO_F_EVENT_IDX);
        rig.writeHeader(BlkTestRig.HEADER_GPA, type, 1);
        boolean discard = type == VirtioBlkProtocol.VIRTIO_BLK_T_DISCARD;
        rig.writeSegment(0, 1, 8, 0);
        int dataFlags = discard || type == VirtioBlkProtocol.VIRTIO_BLK_T_OUT ? 0 : VIRTQ_DESC_F_WRITE;
        rig.splitQueue().writeDescriptor(0, BlkTestRig.HEADER_GPA, 16, VIRTQ_DESC_F_NEXT, 1);
        rig.splitQueue().writeDescriptor(1, BlkTestRig.DATA_GPA, discard ? 16 : 4096, dataFlags | VIRTQ_DESC_F_NEXT, 2);
        rig.splitQueue().writeDescriptor(2, BlkTestRig.STATUS_GPA, 1, VIRTQ_DESC_F_WRITE, 0);

        Allocations.assertNoneOnceWarm(REQUESTS, () -> run(rig, REQUESTS));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestInAPackedQueueAllocatesNothing(boolean eventIdx) {
        BlkTestRig rig = new BlkTestRig(
                new MemoryBlockBackend(1 << 16, false),
                VirtioBlkAllocationTest::completeWithoutDisk,
                new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE).withPacked(true));
        rig.bringUp(VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH | (eventIdx ? VirtioFeatures.VIRTIO_F_EVENT_IDX : 0));
        rig.writeHeader(BlkTestRig.HEADER_GPA, VirtioBlkProtocol.VIRTIO_BLK_T_IN, 1);
        Buffer[] buffers = {
            Buffer.readable(BlkTestRig.HEADER_GPA, 16),
            Buffer.writable(BlkTestRig.DATA_GPA, 4096),
            Buffer.writable(BlkTestRig.STATUS_GPA, 1)
        };

        Allocations.assertNoneOnceWarm(REQUESTS, () -> {
            for (int i = 0; i < REQUESTS; i++) {
                rig.queue.offer(buffers);
                rig.notifyDevice();
                if (!rig.queue.pollUsed()) {
                    throw new AssertionError("not used");
                }
                rig.queue.enableInterrupts();
            }
        });
    }

    private static void completeWithoutDisk(BlockRequest request) {
        request.complete(BlockStatus.OK);
    }

    private static void run(BlkTestRig rig, int requests) {
        QueueDriver queue = rig.splitQueue();
        for (int i = 0; i < requests; i++) {
            queue.addHead(0);
            queue.publish();
            rig.notifyDevice();
            // Lets a request begin that waits for its rate.
            rig.loop.advanceNanos(10_000_000);
            if (!queue.pollUsed()) {
                throw new AssertionError("not used");
            }
            queue.enableInterrupts();
        }
        assertEquals(0, queue.usedId());
    }
}

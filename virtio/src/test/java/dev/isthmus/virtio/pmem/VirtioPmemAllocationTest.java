// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import org.junit.jupiter.api.Test;

import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_NEXT;
import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_WRITE;

/** The whole way of a request, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioPmemAllocationTest {
    private static final int REQUESTS = 10_000;

    @Test
    void requestAllocatesNothing() {
        PmemTestRig rig = new PmemTestRig(VirtioRig.Carrier.MMIO, false).bringUp();
        QueueDriver queue = (QueueDriver) rig.queue;
        queue.writeDescriptor(0, PmemTestRig.REQUEST_GPA, 4, VIRTQ_DESC_F_NEXT, 1);
        queue.writeDescriptor(1, PmemTestRig.REQUEST_GPA + PmemTestRig.ANSWERS, 4, VIRTQ_DESC_F_WRITE, 0);

        Allocations.assertNoneOnceWarm(REQUESTS, () -> run(rig, queue));
    }

    private static void run(PmemTestRig rig, QueueDriver queue) {
        for (int i = 0; i < REQUESTS; i++) {
            queue.addHead(0);
            queue.publish();
            rig.transport.notifyQueue(0);
            rig.runTask();
            if (!queue.pollUsed()) {
                throw new AssertionError("not used");
            }
        }
    }
}

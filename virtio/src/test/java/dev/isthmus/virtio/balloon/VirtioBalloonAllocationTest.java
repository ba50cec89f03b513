// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.virtio.QueueDriver;

import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_WRITE;

/** The whole way of a request, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioBalloonAllocationTest {
    private static final int REQUESTS = 5_000;
    private static final int PAGES = 64;

    @ParameterizedTest
    @ValueSource(ints = {
        VirtioBalloonProtocol.INFLATEQ,
        VirtioBalloonProtocol.DEFLATEQ,
        VirtioBalloonProtocol.STATSQ,
        VirtioBalloonProtocol.REPORTING_VQ
    })
    void requestAllocatesNothing(int index) {
        BalloonTestRig rig = BalloonTestRig.running();
        // What the host's side does is its own affair.
        rig.host.idle = true;
        long[] gpas = new long[PAGES];
        for (int i = 0; i < PAGES; i++) {
            gpas[i] = BalloonTestRig.FREE_GPA + (i * 7 % PAGES) * BalloonTestRig.PAGE;
        }
        rig.pages(gpas);
        QueueDriver queue = (QueueDriver) rig.queues[index];
        if (index == VirtioBalloonProtocol.REPORTING_VQ) {
            queue.writeDescriptor(0, BalloonTestRig.FREE_GPA, 0x10_0000, VIRTQ_DESC_F_WRITE, 0);
        } else {
            queue.writeDescriptor(0, BalloonTestRig.DATA_GPA, PAGES * 4, 0, 0);
        }

        Allocations.assertNoneOnceWarm(REQUESTS, () -> run(rig, queue, index));
    }

    private static void run(BalloonTestRig rig, QueueDriver queue, int index) {
        for (int i = 0; i < REQUESTS; i++) {
            queue.addHead(0);
            queue.publish();
            rig.transport.notifyQueue(index);
            if (index == VirtioBalloonProtocol.STATSQ) {
                rig.device.requestMemoryReport();
            }
            rig.loop.runReady();
            if (!queue.pollUsed()) {
                throw new AssertionError("not used");
            }
        }
    }
}

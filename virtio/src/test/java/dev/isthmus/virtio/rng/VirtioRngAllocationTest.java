// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.Rate;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_WRITE;

/** The whole way of a request, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioRngAllocationTest {
    private static final int REQUESTS = 10_000;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestAllocatesNothing(boolean limited) {
        RngTestRig rig = new RngTestRig(VirtioRig.Carrier.MMIO, false).bringUp();
        if (limited) {
            rig.device.setRate(Rate.of(1_000_000));
        }
        QueueDriver queue = (QueueDriver) rig.queue;
        queue.writeDescriptor(0, RngTestRig.BUFFER_GPA, 64, VIRTQ_DESC_F_WRITE, 0);

        Allocations.assertNoneOnceWarm(REQUESTS, () -> run(rig, queue));
    }

    private static void run(RngTestRig rig, QueueDriver queue) {
        for (int i = 0; i < REQUESTS; i++) {
            queue.addHead(0);
            queue.publish();
            rig.transport.notifyQueue(0);
            // Those that wait for the rate go on by the timer.
            rig.loop.advanceNanos(1_000_000);
            if (!queue.pollUsed()) {
                throw new AssertionError("not used");
            }
        }
    }
}

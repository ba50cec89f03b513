// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** A device uses a buffer while the driver goes to sleep (virtio 1.2, 2.8.10 and 2.8.22). */
@JCStressTest
@Outcome(id = "true, true", expect = Expect.ACCEPTABLE, desc = "Both look: spurious, but harmless.")
@Outcome(id = "true, false", expect = Expect.ACCEPTABLE, desc = "The driver is notified.")
@Outcome(id = "false, true", expect = Expect.ACCEPTABLE, desc = "The driver looks again.")
@Outcome(id = "false, false", expect = Expect.FORBIDDEN, desc = "The buffer waits for ever.")
@State
public class PackedUsedNotificationEventIdx extends QueuePair {
    private final DescriptorChain chain;

    /** Makes the state of one run. */
    public PackedUsedNotificationEventIdx() {
        super(true, true);
        offer();
        chain = take();
        driver.disableInterrupts();
    }

    /** The device: shows the buffer as used, then asks whether to notify. */
    @Actor
    public void device(ZZ_Result result) {
        queue.push(chain, 0);
        result.r1 = queue.needsNotification();
    }

    /** The driver: asks for notifications, then looks once more. */
    @Actor
    public void driver(ZZ_Result result) {
        result.r2 = driver.enableInterrupts();
    }
}

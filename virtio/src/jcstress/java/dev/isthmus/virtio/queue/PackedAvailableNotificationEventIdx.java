// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** A driver offers a buffer while the device goes to sleep (virtio 1.2, 2.8.10 and 2.8.21.2). */
@JCStressTest
@Outcome(id = "true, true", expect = Expect.ACCEPTABLE, desc = "Both look: spurious, but harmless.")
@Outcome(id = "true, false", expect = Expect.ACCEPTABLE, desc = "The device is notified.")
@Outcome(id = "false, true", expect = Expect.ACCEPTABLE, desc = "The device looks again.")
@Outcome(id = "false, false", expect = Expect.FORBIDDEN, desc = "The buffer waits for ever.")
@State
public class PackedAvailableNotificationEventIdx extends QueuePair {
    /** Makes the state of one run. */
    public PackedAvailableNotificationEventIdx() {
        super(true, true);
        queue.disableNotifications();
    }

    /** The driver: shows the buffer, then asks whether to notify. */
    @Actor
    public void driver(ZZ_Result result) {
        offer();
        result.r1 = driver.needsKick();
    }

    /** The device: asks for notifications, then looks once more. */
    @Actor
    public void device(ZZ_Result result) {
        result.r2 = queue.enableNotifications();
    }
}

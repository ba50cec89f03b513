// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

class RunControlTest {
    private final RunControl control = new RunControl(true);
    private final AtomicInteger runs = new AtomicInteger();

    @Test
    void actionRunsOnceWhenTheEndIsPublishedAndNotWhenItIsOnlyDecided() {
        control.whenEnded(runs::incrementAndGet);
        control.end(new MachineExit.PoweredOff());
        assertEquals(0, runs.get());

        control.publishUnstarted();
        assertEquals(1, runs.get());

        control.publishUnstarted();
        assertEquals(1, runs.get());
    }

    @Test
    void actionRunsAtOnceWhereTheEndIsPublished() {
        control.end(new MachineExit.PoweredOff());
        control.publishUnstarted();

        control.whenEnded(runs::incrementAndGet);

        assertEquals(1, runs.get());
    }
}

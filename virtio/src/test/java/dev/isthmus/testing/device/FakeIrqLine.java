// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.device;

import java.util.concurrent.atomic.AtomicInteger;

import dev.isthmus.device.IrqLine;

/** Counts edges and keeps the level. Any thread. */
public final class FakeIrqLine implements IrqLine {
    private final AtomicInteger pulses = new AtomicInteger();
    private volatile boolean level;

    /** Makes a line that is low. */
    public FakeIrqLine() {}

    @Override
    public void setLevel(boolean asserted) {
        level = asserted;
    }

    @Override
    public void pulse() {
        pulses.incrementAndGet();
    }

    /** Returns the level last set. */
    public boolean level() {
        return level;
    }

    /** Returns how many edges were raised since the last call. */
    public int takePulses() {
        return pulses.getAndSet(0);
    }
}

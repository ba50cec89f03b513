// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.device;

import dev.isthmus.device.IrqLine;

/** The line of a device that holds it high until it is served: keeps the level and counts how often it rose. Any thread. */
public final class FakeLevelIrqLine implements IrqLine {
    private boolean level;
    private int edges;

    /** Makes a line that is low. */
    public FakeLevelIrqLine() {}

    @Override
    public synchronized void setLevel(boolean asserted) {
        if (asserted && !level) {
            edges++;
        }
        level = asserted;
    }

    @Override
    public void pulse() {
        throw new AssertionError("the device has a level");
    }

    /** Returns the level last set. */
    public synchronized boolean level() {
        return level;
    }

    /** Returns how often the line rose since the last call. */
    public synchronized int takeEdges() {
        int taken = edges;
        edges = 0;
        return taken;
    }
}

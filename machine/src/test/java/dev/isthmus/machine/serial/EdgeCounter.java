// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import dev.isthmus.device.IrqLine;

/** An interrupt line that counts how often it rose. */
final class EdgeCounter implements IrqLine {
    private boolean level;
    private int edges;

    @Override
    public synchronized void setLevel(boolean asserted) {
        if (asserted && !level) {
            edges++;
        }
        level = asserted;
    }

    @Override
    public synchronized void pulse() {
        throw new AssertionError("the device has a level");
    }

    synchronized boolean level() {
        return level;
    }

    /** Returns how often the line rose since the last call. */
    synchronized int takeEdges() {
        int taken = edges;
        edges = 0;
        return taken;
    }
}

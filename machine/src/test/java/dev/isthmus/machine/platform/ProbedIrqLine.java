// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import dev.isthmus.device.IrqLine;

/** An interrupt line that counts how often it rose. */
final class ProbedIrqLine implements IrqLine {
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

    synchronized int edges() {
        return edges;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.irq;

import dev.isthmus.device.IrqLine;

/**
 * A level-triggered interrupt line with several inputs: asserted while any of them is, as wired-or lines are.
 *
 * <p>Any thread. The lock is held across the call to the line, so that the line follows the count.
 */
public final class SharedIrqLine {
    private final IrqLine line;

    /** How many inputs are asserted. Guarded by this. */
    private int asserted;

    /** Makes a shared line of a line that nobody else drives. */
    public SharedIrqLine(IrqLine line) {
        this.line = line;
    }

    /** Returns a new input, not asserted. */
    public IrqLine newInput() {
        return new Input();
    }

    private synchronized void change(int by) {
        asserted += by;
        line.setLevel(asserted > 0);
    }

    private final class Input implements IrqLine {
        /** Guarded by this. */
        private boolean level;

        @Override
        public synchronized void setLevel(boolean newLevel) {
            if (level != newLevel) {
                level = newLevel;
                change(newLevel ? 1 : -1);
            }
        }

        @Override
        public void pulse() {
            setLevel(true);
            setLevel(false);
        }
    }
}

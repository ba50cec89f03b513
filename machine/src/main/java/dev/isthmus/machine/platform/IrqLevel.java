// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.concurrent.atomic.AtomicInteger;

import dev.isthmus.device.IrqLine;

/**
 * Carries the level of a device's interrupt from its registers to the {@link IrqLine}, in order and without a lock held
 * across the call.
 *
 * <p>A device calls {@link #set} and {@link #dip} under its own lock and {@link #deliver} after releasing it. Whichever
 * thread delivers, the line ends at the last level that was set. A level that went low and high again while another
 * thread was delivering still shows as an edge, because the guest's controllers may count edges: without it, an
 * interrupt raised right after its predecessor was acknowledged would be lost.
 *
 * <p>A thread may return from {@code deliver} while another one is still on the way to the line with its level; the
 * guest then sees at most a spurious interrupt, which hardware has too. Allocates nothing.
 */
public final class IrqLevel {
    /** The level as last set. */
    private static final int LEVEL = 1;

    /** The level was low for a moment since the last delivery began. */
    private static final int DIPPED = 1 << 1;

    /** There is something to deliver. */
    private static final int CHANGED = 1 << 2;

    /** A thread is delivering and looks for changes once more before it leaves. */
    private static final int DELIVERING = 1 << 3;

    private final IrqLine line;
    private final AtomicInteger state = new AtomicInteger();

    /** Makes one for a line that is low. */
    public IrqLevel(IrqLine line) {
        this.line = line;
    }

    /** Records the level. Under the device's lock; calls nobody. */
    public void set(boolean asserted) {
        int old;
        int next;
        do {
            old = state.get();
            if (asserted == ((old & LEVEL) != 0)) {
                return;
            }
            next = asserted ? old | LEVEL | CHANGED : (old & ~LEVEL) | DIPPED | CHANGED;
        } while (!state.compareAndSet(old, next));
    }

    /** Records that the level, which is high, fell and rose again: a new edge. Does nothing where it is low. */
    public void dip() {
        int old;
        do {
            old = state.get();
            if ((old & LEVEL) == 0) {
                return;
            }
        } while (!state.compareAndSet(old, old | DIPPED | CHANGED));
    }

    /** Tells the line what has been recorded. Any thread, without any lock of a device. */
    public void deliver() {
        while (true) {
            int old = state.get();
            if ((old & CHANGED) == 0 || (old & DELIVERING) != 0) {
                // Pairs with the second look below: whoever delivers sees what was recorded before this look.
                return;
            }
            if (!state.compareAndSet(old, (old & LEVEL) | DELIVERING)) {
                continue;
            }
            try {
                if ((old & DIPPED) != 0) {
                    line.setLevel(false);
                }
                line.setLevel((old & LEVEL) != 0);
            } finally {
                endDelivery();
            }
        }
    }

    private void endDelivery() {
        int old;
        do {
            old = state.get();
        } while (!state.compareAndSet(old, old & ~DELIVERING));
    }
}

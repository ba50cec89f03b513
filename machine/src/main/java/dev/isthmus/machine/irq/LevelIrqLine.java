// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.irq;

import dev.isthmus.device.IrqLine;
import dev.isthmus.machine.accel.Accelerator;

/**
 * An interrupt line whose level the accelerator's interrupt controllers are told: the way of legacy devices.
 *
 * <p>Any thread. The lock keeps the remembered level and the order of calls to the accelerator the same: without it,
 * two threads could leave the line stuck.
 */
public final class LevelIrqLine implements IrqLine {
    private final Accelerator accelerator;
    private final int gsi;

    /** Guarded by this. */
    private boolean asserted;

    /** Makes the line of a GSI, not asserted. */
    public LevelIrqLine(Accelerator accelerator, int gsi) {
        this.accelerator = accelerator;
        this.gsi = gsi;
    }

    @Override
    public synchronized void setLevel(boolean asserted) {
        if (this.asserted != asserted) {
            this.asserted = asserted;
            accelerator.setIrqLevel(gsi, asserted);
        }
    }

    @Override
    public synchronized void pulse() {
        accelerator.setIrqLevel(gsi, true);
        accelerator.setIrqLevel(gsi, false);
        asserted = false;
    }
}

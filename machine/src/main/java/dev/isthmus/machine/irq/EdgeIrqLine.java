// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.irq;

import dev.isthmus.device.IrqLine;
import dev.isthmus.kvm.linux.EventFd;

/**
 * An edge-triggered interrupt line behind an eventfd that the interrupt controllers wait for (an irqfd): one system
 * call an interrupt, which never waits for a vCPU.
 *
 * <p>Any thread. Level changes make an edge when the line rises.
 */
public final class EdgeIrqLine implements IrqLine {
    private final EventFd eventFd;

    /** Makes a line; the eventfd stays the caller's, which has attached it to a GSI. */
    public EdgeIrqLine(EventFd eventFd) {
        this.eventFd = eventFd;
    }

    @Override
    public void setLevel(boolean asserted) {
        if (asserted) {
            eventFd.signal();
        }
    }

    @Override
    public void pulse() {
        eventFd.signal();
    }
}

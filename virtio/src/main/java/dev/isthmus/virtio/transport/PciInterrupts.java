// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.IrqLine;
import dev.isthmus.device.MsixVectors;

/**
 * How a virtio device over PCI interrupts: by the vector that the driver chose for the event where MSI-X is enabled
 * (4.1.5.3), else by the level-triggered line (4.1.4.5). ISR status is kept either way.
 *
 * <p>Lock-free: the loop sets bits of the ISR while vCPUs take them.
 */
final class PciInterrupts implements TransportInterrupts {
    private static final VarHandle ISR;

    static {
        try {
            ISR = MethodHandles.lookup().findVarHandle(PciInterrupts.class, "isr", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final IrqLine irq;
    private final MsixVectors msix;

    /** Null only while the transport is being made. */
    private @Nullable TransportState state;

    private volatile int isr;

    PciInterrupts(IrqLine irq, MsixVectors msix) {
        this.irq = irq;
        this.msix = msix;
    }

    /** Sets where the driver's choice of vectors is; once, before anything interrupts. */
    void open(TransportState transportState) {
        state = transportState;
    }

    @Override
    public void usedBuffers(int queueIndex) {
        TransportState chosen = state;
        if (chosen != null && msix.enabled()) {
            signal(PciRegisters.VIRTIO_PCI_ISR_INT, chosen.vectorOfQueue(queueIndex));
        } else {
            raise(PciRegisters.VIRTIO_PCI_ISR_INT);
        }
    }

    @Override
    public void configChanged() {
        TransportState chosen = state;
        if (chosen != null && msix.enabled()) {
            signal(PciRegisters.VIRTIO_PCI_ISR_CONFIG, chosen.configVector());
        } else {
            raise(PciRegisters.VIRTIO_PCI_ISR_CONFIG);
        }
    }

    /** With MSI-X no driver has to look at the bit, but some for Windows poll it while they write a crash dump. */
    private void signal(int bit, int vector) {
        if ((isr & bit) == 0) {
            ISR.getAndBitwiseOr(this, bit);
        }
        if (vector != PciRegisters.VIRTIO_MSI_NO_VECTOR) {
            msix.signal(vector);
        }
    }

    /**
     * Bit first, line second: the handler that the line starts must find the bit. The bit is set again even where it is
     * set: the driver may be about to take it without having seen this event.
     */
    private void raise(int bit) {
        ISR.getAndBitwiseOr(this, bit);
        irq.setLevel(true);
    }

    /** Reads the ISR status, which clears it and lowers the line (4.1.4.5.1). */
    int takeIsr() {
        int bits = (int) ISR.getAndSet(this, 0);
        lower();
        return bits;
    }

    /**
     * Lowers the line after bits were taken. One that was set in between has had its line lowered again, so it is looked
     * for; the other order, a line that is raised after its bit was taken here, is one interrupt too many, whose handler
     * comes here and lowers it.
     */
    private void lower() {
        irq.setLevel(false);
        if (isr != 0 && !msix.enabled()) {
            irq.setLevel(true);
        }
    }

    @Override
    public void clear() {
        isr = 0;
        lower();
        msix.clearPending();
    }
}

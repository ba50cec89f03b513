// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.IrqLine;
import dev.isthmus.device.MsixVectors;

/**
 * How a virtio device over PCI interrupts: by the vector that the driver chose for the event where MSI-X is enabled
 * (4.1.5.3), else by ISR status and the level-triggered line (4.1.4.5).
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
            signal(chosen.vectorOfQueue(queueIndex));
        } else {
            raise(PciRegisters.VIRTIO_PCI_ISR_INT);
        }
    }

    @Override
    public void configChanged() {
        TransportState chosen = state;
        if (chosen != null && msix.enabled()) {
            signal(chosen.configVector());
        } else {
            raise(PciRegisters.VIRTIO_PCI_ISR_CONFIG);
        }
    }

    private void signal(int vector) {
        if (vector != PciRegisters.VIRTIO_MSI_NO_VECTOR) {
            msix.signal(vector);
        }
    }

    /** Bit first, line second: the handler that the line starts must find the bit. */
    private void raise(int bit) {
        ISR.getAndBitwiseOr(this, bit);
        irq.setLevel(true);
    }

    /** Reads the ISR status, which clears it and lowers the line (4.1.4.5.1). */
    int takeIsr() {
        int bits = (int) ISR.getAndSet(this, 0);
        irq.setLevel(false);
        // A bit that was set in between has had its line lowered again. The other order, a line that is raised after
        // its bit was taken here, is one interrupt too many, whose handler comes here and lowers it.
        if (isr != 0) {
            irq.setLevel(true);
        }
        return bits;
    }

    @Override
    public void clear() {
        isr = 0;
        irq.setLevel(false);
    }
}

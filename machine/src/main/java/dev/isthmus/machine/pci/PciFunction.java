// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.IrqLine;

/**
 * A function with a type 0 header (PCI 3.0, chapter 6): its configuration space, its BARs, its interrupt line and its
 * MSI-X vectors. It is function 0 of its device, and the only one.
 *
 * <p>Threads: built by one thread; then vCPU threads access it, several at once. One lock guards the configuration space
 * and is held across no call out. What a write means for the rest is told in a second step, which looks at the present
 * state and not at the write, and has locks of its own: so the state that is told last is the present one.
 */
public final class PciFunction {
    /** The function does not answer at this BAR. */
    static final long UNMAPPED = -1;

    private static final long BAR_ADDRESS_MASK = -16;
    private static final int MSIX_CONTROL = 2;
    private static final int MSIX_CONTROL_ENABLE = 1 << 15;
    private static final int MSIX_CONTROL_FUNCTION_MASK = 1 << 14;

    /** Told whether the function may access memory by itself: its bus master bit. One call at a time; may wait. */
    public interface MasterListener {
        /** The function may, or may not, access memory from the return of this call on. At first it may not. */
        void masterChanged(boolean allowed);
    }

    private final PciConfigSpace config = new PciConfigSpace();
    private final List<PciBar> bars = new ArrayList<>();
    private final Line line = new Line();

    /** Held while the device and MSI-X are told of {@link #master}, for the order. */
    private final Object controlLock = new Object();

    private @Nullable IrqLine irq;
    private @Nullable Msix msix;
    private int msixCapability;
    private @Nullable ConfigWindow window;
    private @Nullable MasterListener masterListener;

    /** Told when a BAR may have moved. */
    private @Nullable Runnable barsChanged;

    /** What {@link #masterListener} was told last. Guarded by {@link #controlLock}. */
    private boolean master;

    /** Whether the device wants the interrupt line asserted. Guarded by {@link #config}. */
    private boolean lineWanted;

    /**
     * Makes a function without BARs, capabilities and interrupts.
     *
     * @param vendorId who made it
     * @param deviceId what it is
     * @param classCode base class, sub-class and interface, 24 bits
     * @param revisionId which version of it
     * @param subsystemId what it is again; its vendor is the same
     */
    public PciFunction(int vendorId, int deviceId, int classCode, int revisionId, int subsystemId) {
        config.set(PciConfigSpace.VENDOR_ID, 2, vendorId);
        config.set(PciConfigSpace.DEVICE_ID, 2, deviceId);
        config.set(PciConfigSpace.REVISION_ID, 1, revisionId);
        config.set(PciConfigSpace.CLASS_CODE, 3, classCode);
        config.set(PciConfigSpace.SUBSYSTEM_VENDOR_ID, 2, vendorId);
        config.set(PciConfigSpace.SUBSYSTEM_ID, 2, subsystemId);
        config.allow(
                PciConfigSpace.COMMAND,
                2,
                PciConfigSpace.COMMAND_MEMORY | PciConfigSpace.COMMAND_MASTER | PciConfigSpace.COMMAND_INTX_DISABLE);
        config.allow(PciConfigSpace.CACHE_LINE_SIZE, 1, 0xff);
        config.allow(PciConfigSpace.INTERRUPT_LINE, 1, 0xff);
    }

    // Building.

    /** Adds a BAR, whose registers must be free. */
    public void addBar(PciBar bar) {
        bars.add(bar);
        config.set(bar.configOffset(), Long.BYTES, PciBar.TYPE_MEMORY_64);
        config.allow(bar.configOffset(), Long.BYTES, -bar.lengthBytes());
    }

    /** Adds a capability; returns where it is. */
    public int addCapability(byte[] capability) {
        return config.addCapability(capability);
    }

    /** Adds the capability that makes this a PCI Express function. */
    public void addExpress() {
        config.addCapability(ExpressCapability.integratedEndpoint());
    }

    /** Adds MSI-X; its table and pending bits are in a BAR. */
    public void addMsix(Msix vectors, byte[] capability) {
        msix = vectors;
        msixCapability = config.addCapability(capability);
        config.allow(msixCapability + MSIX_CONTROL, 2, MSIX_CONTROL_ENABLE | MSIX_CONTROL_FUNCTION_MASK);
    }

    /**
     * Adds the capability by which a driver reaches BAR 0 through configuration space (virtio 1.2, section 4.1.4.9).
     *
     * @param target who answers there
     * @param targetBytes size of what it answers to
     */
    public void addConfigWindow(byte[] capability, BusDevice target, long targetBytes) {
        window = new ConfigWindow(config, capability, target, targetBytes);
    }

    /** Sets who is told of the bus master bit. */
    public void setMasterListener(MasterListener listener) {
        masterListener = listener;
    }

    /** Connects INTA to an interrupt line; returns the end that the device drives. */
    IrqLine connectLine(IrqLine toController, int gsi) {
        irq = toController;
        config.set(PciConfigSpace.INTERRUPT_PIN, 1, 1);
        // What firmware would leave there; only systems without ACPI read it.
        config.set(PciConfigSpace.INTERRUPT_LINE, 1, gsi);
        return line;
    }

    /** Ends building: what is there now comes back at a reset. */
    void seal(Runnable onBarsChanged) {
        barsChanged = onBarsChanged;
        config.seal();
    }

    /** Gives a BAR its first address, as firmware would. */
    void placeBar(PciBar bar, long gpa) {
        config.set(bar.configOffset(), Long.BYTES, gpa | PciBar.TYPE_MEMORY_64);
    }

    List<PciBar> bars() {
        return bars;
    }

    // Configuration space.

    /**
     * Reads configuration space.
     *
     * @param offset any value; what does not lie within the space reads as all ones
     * @param sizeBytes 1 to 8
     */
    long readConfig(long offset, int sizeBytes) {
        if (offset < 0 || offset > PciConfigSpace.LENGTH_BYTES - sizeBytes) {
            return -1L;
        }
        if (window != null && window.isTouched(offset, sizeBytes)) {
            window.fetch();
        }
        synchronized (config) {
            long value = config.get((int) offset, sizeBytes);
            if (lineWanted && touches(offset, sizeBytes, PciConfigSpace.STATUS, 1)) {
                long shift = (PciConfigSpace.STATUS - offset) * Byte.SIZE;
                value |= (long) PciConfigSpace.STATUS_INTERRUPT << shift;
            }
            return value;
        }
    }

    /** Writes configuration space, as {@link #readConfig} reads it; what is read-only stays as it is. */
    void writeConfig(long offset, int sizeBytes, long value) {
        if (offset < 0 || offset > PciConfigSpace.LENGTH_BYTES - sizeBytes) {
            return;
        }
        synchronized (config) {
            config.write((int) offset, sizeBytes, value);
        }
        boolean command = touches(offset, sizeBytes, PciConfigSpace.COMMAND, 2);
        if (command || (msix != null && touches(offset, sizeBytes, msixCapability + MSIX_CONTROL, 2))) {
            tellControl();
        }
        if (command || touches(offset, sizeBytes, PciConfigSpace.BAR0, PciConfigSpace.BARS * Integer.BYTES)) {
            tellBars();
        }
        if (window != null && window.isTouched(offset, sizeBytes)) {
            window.store();
        }
    }

    private static boolean touches(long offset, int sizeBytes, int start, int lengthBytes) {
        return offset < start + lengthBytes && offset + sizeBytes > start;
    }

    /** Tells device, MSI-X and interrupt line of the command register and of MSI-X's control field. */
    private void tellControl() {
        synchronized (controlLock) {
            long control;
            boolean allowed;
            synchronized (config) {
                control = msix == null ? 0 : config.get(msixCapability + MSIX_CONTROL, 2);
                allowed = (config.get(PciConfigSpace.COMMAND, 2) & PciConfigSpace.COMMAND_MASTER) != 0;
            }
            if (master != allowed) {
                master = allowed;
                if (masterListener != null) {
                    masterListener.masterChanged(allowed);
                }
            }
            if (msix != null) {
                // A message is an access to memory, too: it waits for the right to it.
                boolean masked = (control & MSIX_CONTROL_FUNCTION_MASK) != 0 || !allowed;
                msix.control((control & MSIX_CONTROL_ENABLE) != 0, masked);
            }
        }
        line.update();
    }

    private void tellBars() {
        if (barsChanged != null) {
            barsChanged.run();
        }
    }

    /** Returns where a BAR answers at present, or {@link #UNMAPPED}. */
    long addressOf(PciBar bar) {
        synchronized (config) {
            if ((config.get(PciConfigSpace.COMMAND, 2) & PciConfigSpace.COMMAND_MEMORY) == 0) {
                return UNMAPPED;
            }
            long gpa = config.get(bar.configOffset(), Long.BYTES) & BAR_ADDRESS_MASK;
            // Beyond 2^63 is no address of ours; 0 is what drivers leave in a BAR without one.
            return gpa <= 0 ? UNMAPPED : gpa;
        }
    }

    /** Takes the state after power-on. The device behind it has been reset; no vCPU is running. */
    void reset() {
        synchronized (config) {
            config.reset();
            lineWanted = false;
        }
        if (msix != null) {
            msix.reset();
        }
        tellControl();
        tellBars();
    }

    /** Gives back what the interrupts hold. */
    void close() {
        if (msix != null) {
            msix.close();
        }
    }

    /** The interrupt line as the device drives it: the controllers see it where neither bit nor MSI-X says otherwise. */
    private final class Line implements IrqLine {
        @Override
        public void setLevel(boolean asserted) {
            synchronized (config) {
                if (lineWanted == asserted) {
                    return;
                }
                lineWanted = asserted;
            }
            update();
        }

        @Override
        public void pulse() {
            throw new UnsupportedOperationException("PCI interrupt lines are level-triggered");
        }

        /** The lock keeps the order of looking and telling; it is this line's alone. */
        synchronized void update() {
            boolean asserted;
            synchronized (config) {
                boolean disabled = (config.get(PciConfigSpace.COMMAND, 2) & PciConfigSpace.COMMAND_INTX_DISABLE) != 0;
                asserted = lineWanted && !disabled && (msix == null || !msix.enabled());
            }
            if (irq != null) {
                irq.setLevel(asserted);
            }
        }
    }
}

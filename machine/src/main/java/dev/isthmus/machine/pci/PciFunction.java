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
 * and is held across no call out.
 */
public final class PciFunction {
    /** The function does not answer at this BAR. */
    static final long UNMAPPED = -1;

    private static final long BAR_ADDRESS_MASK = -16;
    private static final int MSIX_CONTROL = 2;
    private static final int MSIX_CONTROL_ENABLE = 1 << 15;
    private static final int MSIX_CONTROL_FUNCTION_MASK = 1 << 14;

    private final PciConfigSpace config = new PciConfigSpace();
    private final List<PciBar> bars = new ArrayList<>();
    private final Line line = new Line();
    private final Object controlLock = new Object();

    private @Nullable IrqLine irq;
    private @Nullable Msix msix;
    private int msixCapability;
    private @Nullable BusDevice windowTarget;
    private long windowTargetBytes;
    private int windowCapability;

    /** Told when a BAR may have moved. */
    private @Nullable Runnable barsChanged;

    // Guarded by config.
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

    /** Adds MSI-X; its table and pending bits are in a BAR. */
    public void addMsix(Msix vectors, byte[] capability) {
        msix = vectors;
        msixCapability = config.addCapability(capability);
        config.allow(
                msixCapability + MSIX_CONTROL, 2, MSIX_CONTROL_ENABLE | MSIX_CONTROL_FUNCTION_MASK);
    }

    /**
     * Adds the capability by which a driver reaches BAR 0 through configuration space (virtio 1.2, section 4.1.4.9).
     *
     * @param target who answers there
     * @param targetBytes size of what it answers to
     */
    public void addConfigWindow(byte[] capability, BusDevice target, long targetBytes) {
        windowTarget = target;
        windowTargetBytes = targetBytes;
        windowCapability = config.addCapability(capability);
        config.allow(windowCapability + ConfigWindow.BAR, 1, 0xff);
        config.allow(windowCapability + ConfigWindow.OFFSET, 4, 0xffff_ffffL);
        config.allow(windowCapability + ConfigWindow.LENGTH, 4, 0xffff_ffffL);
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
        if (isWindowData(offset, sizeBytes)) {
            return ConfigWindow.read(windowRequest(), windowTarget, windowTargetBytes, sizeBytes);
        }
        synchronized (config) {
            long value = config.get((int) offset, sizeBytes);
            long statusBit = (offset - PciConfigSpace.STATUS) * Byte.SIZE;
            if (lineWanted && offset <= PciConfigSpace.STATUS && offset + sizeBytes > PciConfigSpace.STATUS) {
                value |= (long) PciConfigSpace.STATUS_INTERRUPT << -statusBit;
            }
            return value;
        }
    }

    /** Writes configuration space, as {@link #readConfig} reads it; what is read-only stays as it is. */
    void writeConfig(long offset, int sizeBytes, long value) {
        if (offset < 0 || offset > PciConfigSpace.LENGTH_BYTES - sizeBytes) {
            return;
        }
        if (isWindowData(offset, sizeBytes)) {
            ConfigWindow.write(windowRequest(), windowTarget, windowTargetBytes, sizeBytes, value);
            return;
        }
        synchronized (config) {
            config.write((int) offset, sizeBytes, value);
        }
        applied(offset, sizeBytes);
    }

    /** Has the rest of the function follow what was written. Each looks at the present state, not at the write. */
    private void applied(long offset, int sizeBytes) {
        long end = offset + sizeBytes;
        boolean inHeader = offset < PciConfigSpace.BAR0 + PciConfigSpace.BARS * Integer.BYTES;
        Msix vectors = msix;
        if (vectors != null && offset < msixCapability + MSIX_CONTROL + 2 && end > msixCapability + MSIX_CONTROL) {
            // Held across the call so that the last state looked at is the last one told.
            synchronized (controlLock) {
                long control;
                synchronized (config) {
                    control = config.get(msixCapability + MSIX_CONTROL, 2);
                }
                vectors.control((control & MSIX_CONTROL_ENABLE) != 0, (control & MSIX_CONTROL_FUNCTION_MASK) != 0);
            }
            line.update();
        }
        if (inHeader && end > PciConfigSpace.COMMAND) {
            line.update();
            Runnable changed = barsChanged;
            if (changed != null) {
                changed.run();
            }
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

    private boolean isWindowData(long offset, int sizeBytes) {
        return windowCapability != 0
                && offset >= windowCapability + ConfigWindow.DATA
                && offset + sizeBytes <= windowCapability + ConfigWindow.DATA + Integer.BYTES;
    }

    private ConfigWindow.Request windowRequest() {
        synchronized (config) {
            return new ConfigWindow.Request(
                    (int) config.get(windowCapability + ConfigWindow.BAR, 1),
                    config.get(windowCapability + ConfigWindow.OFFSET, 4),
                    config.get(windowCapability + ConfigWindow.LENGTH, 4));
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
        line.update();
        if (barsChanged != null) {
            barsChanged.run();
        }
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

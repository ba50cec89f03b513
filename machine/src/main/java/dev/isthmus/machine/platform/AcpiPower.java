// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.IrqLine;
import dev.isthmus.machine.MachineLayout;

/**
 * Power registers of a hardware-reduced ACPI machine (ACPI 6.5, 4.8.3.6 and 4.8.3.7) and the selector of its generic
 * event device (5.6.9), on eight ports from {@link MachineLayout#ACPI_SLEEP_CONTROL_PORT}.
 *
 * <pre>
 *  offset 0     sleep control   bits 4:2 SLP_TYP, bit 5 SLP_EN; reads give 0 (SLP_EN is write-only)
 *  offset 1     sleep status    bit 7 WAK_STS, never set: there is no sleep to wake from
 *  offset 2     reset           write {@link MachineLayout#ACPI_RESET_VALUE}
 *  offset 3     reserved        reads 0
 *  offset 4..7  event selector  pending events, cleared by reading
 * </pre>
 *
 * <p>The interrupt stays asserted while an event is pending, which suits level and edge triggering; a further event
 * makes a new edge, so that one which the guest missed (its driver was not there yet) does not silence the button for
 * ever. One lock guards the selector.
 */
public final class AcpiPower implements BusDevice {
    /** Number of ports. */
    public static final int LENGTH_BYTES = 8;

    private static final int SLEEP_CONTROL = 0;
    private static final int SLEEP_STATUS = MachineLayout.ACPI_SLEEP_STATUS_PORT - MachineLayout.ACPI_SLEEP_CONTROL_PORT;
    private static final int RESET = MachineLayout.ACPI_RESET_PORT - MachineLayout.ACPI_SLEEP_CONTROL_PORT;
    private static final int EVENT_SELECTOR = MachineLayout.ACPI_GED_PORT - MachineLayout.ACPI_SLEEP_CONTROL_PORT;

    private static final int SLP_TYP_SHIFT = 2;
    private static final int SLP_TYP_MASK = 0x7;
    private static final int SLP_EN = 1 << 5;

    private final MachineControl control;
    private final IrqLevel irq;
    private final Object lock = new Object();

    /** Events not read yet. Guarded by {@link #lock}. */
    private int pendingEvents;

    /**
     * Makes the device of a machine.
     *
     * @param gedIrq the generic event device's interrupt
     */
    public AcpiPower(MachineControl control, IrqLine gedIrq) {
        this.control = control;
        this.irq = new IrqLevel(gedIrq);
    }

    /** Tells the guest that its power button was pressed. Any thread. */
    public void pressPowerButton() {
        synchronized (lock) {
            pendingEvents |= MachineLayout.ACPI_GED_POWER_BUTTON;
            irq.dip();
            irq.set(true);
        }
        irq.deliver();
    }

    /** Takes the state after power-on: no event pending. Any thread. */
    public void reset() {
        takeEvents();
    }

    @Override
    public long read(long offset, int sizeBytes) {
        long value = 0;
        if (offset + sizeBytes > EVENT_SELECTOR) {
            // Any access that touches the selector takes all events: AML reads it whole.
            long events = takeEvents();
            long firstByte = offset - EVENT_SELECTOR;
            value = firstByte >= 0
                    ? events >>> (firstByte * Byte.SIZE)
                    : events << (-firstByte * Byte.SIZE);
        }
        // Sleep control, sleep status (no WAK_STS), reset and the reserved byte read as 0.
        return value & 0xffff_ffffL;
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        for (int i = 0; i < sizeBytes; i++) {
            int octet = (int) (value >>> (i * Byte.SIZE)) & 0xff;
            switch ((int) offset + i) {
                case SLEEP_CONTROL -> writeSleepControl(octet);
                case RESET -> {
                    if (octet == MachineLayout.ACPI_RESET_VALUE) {
                        control.reset();
                    }
                }
                case SLEEP_STATUS -> {
                    // Writing 1 clears WAK_STS, which is never set.
                }
                default -> {
                    // Reserved, or the selector, which is read-only.
                }
            }
        }
    }

    private void writeSleepControl(int value) {
        boolean enabled = (value & SLP_EN) != 0;
        int type = (value >>> SLP_TYP_SHIFT) & SLP_TYP_MASK;
        if (enabled && type == MachineLayout.ACPI_SLP_TYP_S5) {
            control.powerOff();
        }
    }

    private int takeEvents() {
        int events;
        synchronized (lock) {
            events = pendingEvents;
            pendingEvents = 0;
            irq.set(false);
        }
        irq.deliver();
        return events;
    }
}

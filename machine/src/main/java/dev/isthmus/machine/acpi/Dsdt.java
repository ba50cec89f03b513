// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;

/**
 * Differentiated System Description Table (ACPI 6.5, section 5.2.11.1): the devices that a guest can't find by itself.
 *
 * <pre>
 *  \_S5            sleep type for power off
 *  \_SB
 *    ├ C000 …      processors
 *    ├ V000 …      virtio-mmio transports
 *    ├ PCI0, MCFG  PCI host bridge and the memory of its configuration space
 *    ├ COM1        serial port
 *    ├ PWRB, GED   power button and the generic event device that tells of it
 *    ├ RTC         CMOS clock
 *    ├ PEVT        pvpanic
 *    └ KBD         keyboard controller
 * </pre>
 *
 * <p>Devices have no {@code _STA}, which then means present (section 6.3.7), and no {@code _CCA}, which x86 systems
 * don't need (section 6.2.17), unless noted.
 */
final class Dsdt {
    /** Revision 2 or more: integers have 64 bits (section 5.2.11.1). */
    private static final int REVISION = 2;

    /** {@code Notify} value of a power button that was pressed (table 5.200: S0 power button pressed). */
    private static final int NOTIFY_POWER_BUTTON_PRESSED = 0x80;

    private static final int STA_PRESENT_ENABLED_FUNCTIONING = 1 | 1 << 1 | 1 << 3;

    private static final int COM1_PORTS = 8;
    private static final int CMOS_PORTS = 2;
    private static final int RTC_IRQ = 8;
    private static final int I8042_COMMAND_OFFSET = 4;
    private static final int KEYBOARD_IRQ = 1;
    private static final int ACPI_GED_LENGTH_BYTES = 4;

    private static final int PROCESSOR_LENGTH_BYTES = 40;
    private static final int OTHER_LENGTH_BYTES = 2048;
    private static final String HEX_DIGITS = "0123456789ABCDEF";

    private Dsdt() {}

    static byte[] build(PlatformDescription platform) {
        int expectedLengthBytes = platform.cpus() * PROCESSOR_LENGTH_BYTES + OTHER_LENGTH_BYTES;
        AmlBuilder aml = new AmlBuilder(SystemDescriptionTable.begin("DSDT", REVISION, expectedLengthBytes));
        powerOff(aml);
        aml.beginScope("_SB");
        processors(aml, platform.cpus());
        virtioMmio(aml, platform.virtioMmioDevices());
        PciWindows pci = platform.pci();
        if (pci != null) {
            PciRootAml.append(aml, pci);
        }
        if (platform.serial()) {
            serial(aml);
        }
        if (platform.powerButton()) {
            powerButton(aml);
        }
        if (platform.rtc()) {
            rtc(aml);
        }
        if (platform.pvpanic()) {
            pvpanic(aml);
        }
        if (platform.keyboardController()) {
            keyboardController(aml);
        }
        aml.end();
        return SystemDescriptionTable.finish(aml.finish());
    }

    /** {@code \_S5}: its first element is the sleep type for the sleep control register (section 7.4.2). */
    private static void powerOff(AmlBuilder aml) {
        aml.name("_S5")
                .beginPackage(2)
                .integer(MachineLayout.ACPI_SLP_TYP_S5)
                .integer(0)
                .end();
    }

    /** Processor devices (section 8.4); {@code _UID} leads to the entry in the MADT. */
    private static void processors(AmlBuilder aml, int cpus) {
        for (int i = 0; i < cpus; i++) {
            aml.beginDevice(numbered('C', i))
                    .name("_HID").string("ACPI0007")
                    .name("_UID").integer(i)
                    .end();
        }
    }

    /** The id that Linux's virtio_mmio driver knows. */
    private static void virtioMmio(AmlBuilder aml, int devices) {
        for (int i = 0; i < devices; i++) {
            byte[] resources = new ResourceTemplate()
                    .memory32Fixed(MachineLayout.virtioMmioGpa(i), MachineLayout.VIRTIO_MMIO_LENGTH_BYTES)
                    .interrupt(MachineLayout.virtioMmioIrq(i))
                    .finish();
            aml.beginDevice(numbered('V', i))
                    .name("_HID").string("LNRO0005")
                    .name("_UID").integer(i)
                    .name("_CRS").buffer(resources)
                    .end();
        }
    }

    /** A 16550A-compatible port. */
    private static void serial(AmlBuilder aml) {
        byte[] resources = new ResourceTemplate()
                .io(MachineLayout.COM1_PORT, COM1_PORTS)
                .irqNoFlags(MachineLayout.COM1_IRQ)
                .finish();
        aml.beginDevice("COM1")
                .name("_HID").eisaId("PNP0501")
                .name("_UID").integer(0)
                .name("_CRS").buffer(resources)
                .end();
    }

    /**
     * A control method power button (section 4.8.3.1.2) and the generic event device (section 5.6.9) whose interrupt
     * tells of it. Reading the event selector clears it, so it is read once.
     */
    private static void powerButton(AmlBuilder aml) {
        aml.beginDevice("PWRB").name("_HID").eisaId("PNP0C0C").end();

        byte[] resources =
                new ResourceTemplate().interrupt(MachineLayout.ACPI_GED_IRQ).finish();
        aml.beginDevice("GED")
                .name("_HID").string("ACPI0013")
                .name("_CRS").buffer(resources)
                .operationRegion(
                        "EREG",
                        AmlBuilder.REGION_SPACE_SYSTEM_IO,
                        MachineLayout.ACPI_GED_PORT,
                        ACPI_GED_LENGTH_BYTES)
                .beginField("EREG", AmlBuilder.FIELD_DWORD_ACC_NO_LOCK_WRITE_AS_ZEROS)
                .fieldUnit("ESEL", ACPI_GED_LENGTH_BYTES * Byte.SIZE)
                .end();
        aml.beginMethod("_EVT", 1, true)
                .beginIf()
                .and().path("ESEL").integer(MachineLayout.ACPI_GED_POWER_BUTTON).nullName()
                .notifyOp("PWRB", NOTIFY_POWER_BUTTON_PRESSED)
                .end()
                .end()
                .end();
    }

    /** The clock of the PC/AT, with its alarm's interrupt. */
    private static void rtc(AmlBuilder aml) {
        byte[] resources = new ResourceTemplate()
                .io(MachineLayout.CMOS_PORT, CMOS_PORTS)
                .irqNoFlags(RTC_IRQ)
                .finish();
        aml.beginDevice("RTC")
                .name("_HID").eisaId("PNP0B00")
                .name("_CRS").buffer(resources)
                .end();
    }

    /** QEMU's panic device; its drivers evaluate {@code _STA} and keep it out of user interfaces. */
    private static void pvpanic(AmlBuilder aml) {
        byte[] resources =
                new ResourceTemplate().io(MachineLayout.PVPANIC_PORT, 1).finish();
        aml.beginDevice("PEVT")
                .name("_HID").string("QEMU0001")
                .name("_STA").integer(STA_PRESENT_ENABLED_FUNCTIONING)
                .name("_CRS").buffer(resources)
                .end();
    }

    private static void keyboardController(AmlBuilder aml) {
        byte[] resources = new ResourceTemplate()
                .io(MachineLayout.I8042_PORT, 1)
                .io(MachineLayout.I8042_PORT + I8042_COMMAND_OFFSET, 1)
                .irqNoFlags(KEYBOARD_IRQ)
                .finish();
        aml.beginDevice("KBD")
                .name("_HID").eisaId("PNP0303")
                .name("_CRS").buffer(resources)
                .end();
    }

    /** A name of a letter and three hexadecimal digits, enough for 4096 devices. */
    private static String numbered(char letter, int index) {
        char[] name = {
            letter,
            HEX_DIGITS.charAt(index >> 8 & 0xf),
            HEX_DIGITS.charAt(index >> 4 & 0xf),
            HEX_DIGITS.charAt(index & 0xf)
        };
        return new String(name);
    }
}

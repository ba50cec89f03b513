// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import dev.isthmus.machine.MachineLayout;

/**
 * Fixed ACPI Description Table of a hardware-reduced machine (ACPI 6.5, section 5.2.9): none of the fixed hardware
 * (PM timer, SCI, GPE blocks), but sleep and reset registers as ports.
 */
final class Fadt {
    private static final int LENGTH_BYTES = 276;
    private static final int MAJOR_VERSION = 6;
    private static final int MINOR_VERSION = 5;

    /** {@code Preferred_PM_Profile}: enterprise server. */
    private static final int PM_PROFILE_ENTERPRISE_SERVER = 4;

    // IA-PC boot architecture flags (section 5.2.9.3).

    private static final int IAPC_LEGACY_DEVICES = 1;
    private static final int IAPC_8042 = 1 << 1;
    private static final int IAPC_VGA_NOT_PRESENT = 1 << 2;
    private static final int IAPC_CMOS_RTC_NOT_PRESENT = 1 << 5;

    // Fixed feature flags (table 5.10).

    /** WBINVD works: a processor without it may not run ACPI at all. */
    private static final int WBINVD = 1;

    /** The power button is no fixed hardware: it is a control method device, or there is none. */
    private static final int PWR_BUTTON = 1 << 4;

    /** Likewise the sleep button. */
    private static final int SLP_BUTTON = 1 << 5;

    /** The RTC's wake status is in no fixed register. */
    private static final int FIX_RTC = 1 << 6;

    private static final int RESET_REG_SUP = 1 << 10;
    private static final int HEADLESS = 1 << 12;
    private static final int HW_REDUCED_ACPI = 1 << 20;

    // Generic address structure (section 5.2.3.2).

    private static final int ADDRESS_SPACE_SYSTEM_IO = 1;
    private static final int ACCESS_SIZE_BYTE = 1;
    private static final int GAS_LENGTH_BYTES = 12;

    private Fadt() {}

    static byte[] build(PlatformDescription platform, long dsdtGpa) {
        ByteSink table = SystemDescriptionTable.begin("FACP", MAJOR_VERSION, LENGTH_BYTES);
        table.u32(0) // FIRMWARE_CTRL: no FACS
                .u32(dsdtGpa) // DSDT
                .u8(0) // reserved
                .u8(PM_PROFILE_ENTERPRISE_SERVER)
                .zeros(109 - 46) // SCI_INT to CENTURY: fixed hardware, ignored on this machine
                .u16(bootArchitecture(platform))
                .u8(0) // reserved
                .u32(WBINVD | PWR_BUTTON | SLP_BUTTON | FIX_RTC | RESET_REG_SUP | HEADLESS | HW_REDUCED_ACPI);
        port(table, MachineLayout.ACPI_RESET_PORT);
        table.u8(MachineLayout.ACPI_RESET_VALUE)
                .u16(0) // ARM boot architecture flags
                .u8(MINOR_VERSION)
                .u64(0) // X_FIRMWARE_CTRL
                .u64(dsdtGpa) // X_DSDT
                .zeros(8 * GAS_LENGTH_BYTES); // X_PM1a_EVT_BLK to X_GPE1_BLK: fixed hardware
        port(table, MachineLayout.ACPI_SLEEP_CONTROL_PORT);
        port(table, MachineLayout.ACPI_SLEEP_STATUS_PORT);
        table.u64(0); // hypervisor vendor identity: guests have CPUID for that
        return SystemDescriptionTable.finish(table);
    }

    private static int bootArchitecture(PlatformDescription platform) {
        int flags = IAPC_VGA_NOT_PRESENT;
        if (platform.serial()) {
            flags |= IAPC_LEGACY_DEVICES;
        }
        if (platform.keyboardController()) {
            flags |= IAPC_8042;
        }
        if (!platform.rtc()) {
            flags |= IAPC_CMOS_RTC_NOT_PRESENT;
        }
        return flags;
    }

    /** Appends the generic address of a register of 8 bits at a port. */
    private static void port(ByteSink table, int port) {
        table.u8(ADDRESS_SPACE_SYSTEM_IO).u8(8).u8(0).u8(ACCESS_SIZE_BYTE).u64(port);
    }
}

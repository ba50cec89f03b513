// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import dev.isthmus.machine.MachineLayout;

/** PCI Express memory-mapped configuration space table (PCI Firmware Specification 3.2, section 4.1.2): one bus. */
final class Mcfg {
    private static final int REVISION = 1;

    private Mcfg() {}

    static byte[] build() {
        ByteSink table = SystemDescriptionTable.begin("MCFG", REVISION, SystemDescriptionTable.HEADER_LENGTH_BYTES + 24);
        table.zeros(8) // reserved
                .u64(MachineLayout.PCI_ECAM_GPA)
                .u16(0) // segment group
                .u8(0) // first bus
                .u8(0) // last bus
                .zeros(4); // reserved
        return SystemDescriptionTable.finish(table);
    }
}

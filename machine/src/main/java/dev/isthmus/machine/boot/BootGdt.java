// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;

/**
 * The GDT at kernel entry, with the selectors that the Linux boot protocol asks for (Documentation/arch/x86/boot.rst,
 * "64-bit Boot Protocol"); a kernel under PVH gets the same with 32-bit code.
 *
 * <pre>
 *  0x00 null   0x08 null   0x10 __BOOT_CS   0x18 __BOOT_DS   0x20 TSS, 104 bytes at 0
 * </pre>
 */
final class BootGdt {
    /** Flat code, execute and read. */
    static final int BOOT_CS = 0x10;

    /** Flat data, read and write. */
    static final int BOOT_DS = 0x18;

    private static final int BOOT_TSS = 0x20;
    private static final int LENGTH_BYTES = 0x28;

    /** The GDT's limit. */
    static final int LIMIT = LENGTH_BYTES - 1;

    // Descriptors: present, DPL 0, accessed; 4 GiB in pages. Intel SDM volume 3A, section 3.4.5.
    private static final long CODE_64 = 0x00af_9b00_0000_ffffL;
    private static final long CODE_32 = 0x00cf_9b00_0000_ffffL;
    private static final long DATA = 0x00cf_9300_0000_ffffL;
    private static final long TSS_BUSY = 0x0000_8b00_0000_0067L;

    private BootGdt() {}

    static void write(GuestMemory memory, boolean longMode) {
        byte[] gdt = new byte[LENGTH_BYTES];
        LittleEndian.put64(gdt, BOOT_CS, longMode ? CODE_64 : CODE_32);
        LittleEndian.put64(gdt, BOOT_DS, DATA);
        LittleEndian.put64(gdt, BOOT_TSS, TSS_BUSY);
        BootWriter.write(memory, MachineLayout.GDT_GPA, gdt);
    }
}

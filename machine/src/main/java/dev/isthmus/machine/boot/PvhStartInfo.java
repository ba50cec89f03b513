// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;

/**
 * {@code hvm_start_info}, version 1: what EBX points to when a kernel is entered by PVH. Source: Xen's
 * {@code public/arch-x86/hvm/start_info.h}; field names are its own.
 *
 * <pre>
 *  +0x00 magic       +0x04 version      +0x08 flags          +0x0c nr_modules
 *  +0x10 modlist_paddr                  +0x18 cmdline_paddr
 *  +0x20 rsdp_paddr                     +0x28 memmap_paddr
 *  +0x30 memmap_entries  +0x34 reserved
 *  +0x38 hvm_modlist_entry: paddr, size, cmdline_paddr, reserved, 8 bytes each
 *  +0x58 hvm_memmap_table_entry, 24 bytes each: addr, size, type (4 bytes), reserved (4 bytes)
 * </pre>
 */
final class PvhStartInfo {
    /** "xEn3" with the top bit of the E set. */
    private static final long XEN_HVM_START_MAGIC_VALUE = 0x336e_c578L;

    private static final int VERSION = 1;
    private static final int MODLIST = 0x38;
    private static final int MODLIST_ENTRY_BYTES = 32;
    private static final int MEMMAP = MODLIST + MODLIST_ENTRY_BYTES;
    private static final int MEMMAP_ENTRY_BYTES = 24;

    private PvhStartInfo() {}

    /**
     * Writes the structures to {@link MachineLayout#PVH_START_INFO_GPA}.
     *
     * @param initrdBytes size of the initrd, 0 for none
     * @param rsdpGpa address of the RSDP, 0 for none
     */
    static void write(GuestMemory memory, E820Map map, long initrdGpa, long initrdBytes, long rsdpGpa) {
        byte[] info = new byte[MEMMAP + map.size() * MEMMAP_ENTRY_BYTES];
        if (info.length > MachineLayout.BOOT_PARAMS_GPA - MachineLayout.PVH_START_INFO_GPA) {
            throw new IllegalStateException("The memory map has too many entries");
        }
        LittleEndian.put32(info, 0x00, XEN_HVM_START_MAGIC_VALUE);
        LittleEndian.put32(info, 0x04, VERSION);
        if (initrdBytes != 0) {
            LittleEndian.put32(info, 0x0c, 1);
            LittleEndian.put64(info, 0x10, MachineLayout.PVH_START_INFO_GPA + MODLIST);
            LittleEndian.put64(info, MODLIST, initrdGpa);
            LittleEndian.put64(info, MODLIST + 8, initrdBytes);
        }
        LittleEndian.put64(info, 0x18, MachineLayout.COMMAND_LINE_GPA);
        LittleEndian.put64(info, 0x20, rsdpGpa);
        LittleEndian.put64(info, 0x28, MachineLayout.PVH_START_INFO_GPA + MEMMAP);
        LittleEndian.put32(info, 0x30, map.size());
        for (int i = 0; i < map.size(); i++) {
            map.putEntry(info, MEMMAP + i * MEMMAP_ENTRY_BYTES, i);
        }
        BootWriter.write(memory, MachineLayout.PVH_START_INFO_GPA, info);
    }
}

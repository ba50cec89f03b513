// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;

/**
 * {@code boot_params}, the "zero page": what RSI points to when a kernel is entered by the 64-bit Linux boot protocol.
 * Source: Linux's Documentation/arch/x86/zero-page.rst and {@code uapi/asm/bootparam.h}; field names are theirs.
 */
final class BootParams {
    private static final int LENGTH_BYTES = 4096;

    private static final int ACPI_RSDP_ADDR = 0x070;
    private static final int E820_ENTRIES = 0x1e8;
    private static final int E820_TABLE = 0x2d0;
    private static final int E820_ENTRY_BYTES = 20;
    private static final int E820_MAX_ENTRIES_ZEROPAGE = 128;

    /** A loader without a number of its own. */
    private static final int LOADER_TYPE_UNDEFINED = 0xff;

    /** Protocol 2.15: what the fields set here are of, for a kernel that came without a setup header. */
    private static final int PROTOCOL_VERSION = 0x020f;

    private static final int LOADED_HIGH = 1;

    private BootParams() {}

    /**
     * Writes the page to {@link MachineLayout#BOOT_PARAMS_GPA}.
     *
     * @param header the kernel's setup header, or null where it has none
     * @param commandLineBytes length of the command line, its NUL not counted
     * @param initrdBytes size of the initrd, 0 for none; below 4 GiB as all RAM that it can lie in
     * @param rsdpGpa address of the RSDP, 0 for none
     */
    static void write(
            GuestMemory memory,
            @Nullable SetupHeader header,
            E820Map map,
            int commandLineBytes,
            long initrdGpa,
            long initrdBytes,
            long rsdpGpa) {
        byte[] page = new byte[LENGTH_BYTES];
        if (header != null) {
            header.copyTo(page);
        } else {
            LittleEndian.put16(page, SetupHeader.BOOT_FLAG, SetupHeader.BOOT_FLAG_MAGIC);
            LittleEndian.put32(page, SetupHeader.HEADER, SetupHeader.HEADER_MAGIC);
            LittleEndian.put16(page, SetupHeader.VERSION, PROTOCOL_VERSION);
            LittleEndian.put32(page, SetupHeader.CMDLINE_SIZE, commandLineBytes);
        }
        page[SetupHeader.TYPE_OF_LOADER] = (byte) LOADER_TYPE_UNDEFINED;
        page[SetupHeader.LOADFLAGS] |= LOADED_HIGH;
        LittleEndian.put32(page, SetupHeader.RAMDISK_IMAGE, initrdGpa);
        LittleEndian.put32(page, SetupHeader.RAMDISK_SIZE, initrdBytes);
        LittleEndian.put32(page, SetupHeader.CMD_LINE_PTR, MachineLayout.COMMAND_LINE_GPA);
        LittleEndian.put64(page, SetupHeader.SETUP_DATA, 0);
        LittleEndian.put64(page, ACPI_RSDP_ADDR, rsdpGpa);
        if (map.size() > E820_MAX_ENTRIES_ZEROPAGE) {
            throw new IllegalStateException("The memory map has too many entries");
        }
        page[E820_ENTRIES] = (byte) map.size();
        for (int i = 0; i < map.size(); i++) {
            map.putEntry(page, E820_TABLE + i * E820_ENTRY_BYTES, i);
        }
        BootWriter.write(memory, MachineLayout.BOOT_PARAMS_GPA, page);
    }
}

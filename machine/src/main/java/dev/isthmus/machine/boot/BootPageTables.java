// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;

/**
 * The page tables at 64-bit entry: the first 4 GiB mapped to themselves with 2 MiB pages, which every long-mode CPU
 * has. The boot protocol asks for the kernel, {@code boot_params} and the command line; all lie below 4 GiB.
 *
 * <pre>
 *  +0x0000 PML4 ── [0] ─→ +0x1000 PDPT ── [0..3] ─→ +0x2000 page directories, 4 * 512 entries
 * </pre>
 */
final class BootPageTables {
    private static final int TABLE_BYTES = 4096;
    private static final int ENTRIES = 512;
    private static final int DIRECTORIES = 4;
    private static final long LARGE_PAGE_BYTES = 2 << 20;

    // Intel SDM volume 3A, section 4.5.
    private static final long PRESENT = 1;
    private static final long WRITABLE = 1 << 1;
    private static final long PAGE_SIZE = 1 << 7;

    private BootPageTables() {}

    /** Writes the tables and returns their root, for CR3. */
    static long write(GuestMemory memory) {
        byte[] tables = new byte[(2 + DIRECTORIES) * TABLE_BYTES];
        long pdptGpa = MachineLayout.PAGE_TABLES_GPA + TABLE_BYTES;
        long directoriesGpa = pdptGpa + TABLE_BYTES;
        LittleEndian.put64(tables, 0, pdptGpa | PRESENT | WRITABLE);
        for (int i = 0; i < DIRECTORIES; i++) {
            long directoryGpa = directoriesGpa + (long) i * TABLE_BYTES;
            LittleEndian.put64(tables, TABLE_BYTES + 8 * i, directoryGpa | PRESENT | WRITABLE);
        }
        for (int i = 0; i < DIRECTORIES * ENTRIES; i++) {
            LittleEndian.put64(
                    tables, 2 * TABLE_BYTES + 8 * i, i * LARGE_PAGE_BYTES | PRESENT | WRITABLE | PAGE_SIZE);
        }
        BootWriter.write(memory, MachineLayout.PAGE_TABLES_GPA, tables);
        return MachineLayout.PAGE_TABLES_GPA;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import dev.isthmus.machine.accel.CpuRegisters;
import dev.isthmus.memory.GuestMemory;

/**
 * Translates a guest's linear addresses by its own page tables, as the processor would: for dumps and debuggers.
 *
 * <p>Source: Intel SDM volume 3, chapter 4 (32-bit paging 4.3, PAE 4.4, 4-level and 5-level 4.5). Permissions do not
 * matter here, and the tables' contents are not trusted: each is looked up in guest RAM.
 *
 * <p>Not thread-safe; the vCPU is stopped.
 */
final class PageWalker {
    /** The address is not mapped, or the tables are not in RAM. */
    static final long NOT_MAPPED = -1;

    private static final long PRESENT = 1;
    private static final long PAGE_SIZE = 1 << 7;
    private static final int PAGE_SHIFT = 12;
    private static final long FRAME_MASK = 0x000f_ffff_ffff_f000L;
    private static final int INDEX_BITS = 9;
    private static final int LEGACY_INDEX_BITS = 10;

    private final GuestMemory memory;
    private final CpuRegisters.Control control;

    PageWalker(GuestMemory memory, CpuRegisters.Control control) {
        this.memory = memory;
        this.control = control;
    }

    /** Returns the guest physical address of a linear one, or {@link #NOT_MAPPED}. */
    long translate(long linear) {
        if ((control.cr0() & CpuRegisters.Control.CR0_PG) == 0) {
            return linear & 0xffff_ffffL;
        }
        if ((control.cr4() & CpuRegisters.Control.CR4_PAE) == 0) {
            return translateLegacy(linear & 0xffff_ffffL);
        }
        if ((control.efer() & CpuRegisters.Control.EFER_LMA) == 0) {
            return translatePae(linear & 0xffff_ffffL);
        }
        int levels = (control.cr4() & CpuRegisters.Control.CR4_LA57) != 0 ? 5 : 4;
        return walk(control.cr3() & FRAME_MASK, levels, linear);
    }

    private long translateLegacy(long linear) {
        long directory = control.cr3() & 0xffff_f000L;
        long entry = entry32(directory, linear >>> (PAGE_SHIFT + LEGACY_INDEX_BITS));
        if ((entry & PRESENT) == 0) {
            return NOT_MAPPED;
        }
        if ((entry & PAGE_SIZE) != 0 && (control.cr4() & CpuRegisters.Control.CR4_PSE) != 0) {
            // PSE-36: bits 13 to 20 of the entry are bits 32 to 39 of the address.
            long high = ((entry >>> 13) & 0xff) << 32;
            return high | (entry & 0xffc0_0000L) | (linear & 0x3f_ffffL);
        }
        long tableIndex = (linear >>> PAGE_SHIFT) & ((1 << LEGACY_INDEX_BITS) - 1);
        entry = entry32(entry & 0xffff_f000L, tableIndex);
        return (entry & PRESENT) == 0 ? NOT_MAPPED : (entry & 0xffff_f000L) | (linear & 0xfff);
    }

    private long translatePae(long linear) {
        long pointers = control.cr3() & 0xffff_ffe0L;
        long entry = entry64(pointers, linear >>> 30);
        return (entry & PRESENT) == 0 ? NOT_MAPPED : walk(entry & FRAME_MASK, 2, linear);
    }

    /** Goes down tables of 512 entries; the last of {@code levels} maps 4 KiB pages. */
    private long walk(long rootGpa, int levels, long linear) {
        long tableGpa = rootGpa;
        for (int level = levels; level > 0; level--) {
            int shift = PAGE_SHIFT + (level - 1) * INDEX_BITS;
            long entry = entry64(tableGpa, (linear >>> shift) & ((1 << INDEX_BITS) - 1));
            if ((entry & PRESENT) == 0) {
                return NOT_MAPPED;
            }
            boolean large = (level == 2 || level == 3) && (entry & PAGE_SIZE) != 0;
            if (level == 1 || large) {
                long offsetMask = (1L << shift) - 1;
                return (entry & FRAME_MASK & ~offsetMask) | (linear & offsetMask);
            }
            tableGpa = entry & FRAME_MASK;
        }
        return NOT_MAPPED;
    }

    private long entry64(long tableGpa, long index) {
        long gpa = tableGpa + index * Long.BYTES;
        return memory.contains(gpa, Long.BYTES) ? memory.readU64(gpa) : 0;
    }

    private long entry32(long tableGpa, long index) {
        long gpa = tableGpa + index * Integer.BYTES;
        return memory.contains(gpa, Integer.BYTES) ? memory.readU32(gpa) : 0;
    }
}

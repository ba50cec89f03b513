// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.CpuidTable;
import dev.isthmus.machine.cpu.CpuidEntry;

/** Copies CPUID entries between KVM's struct and the neutral ones. */
final class CpuidCopy {
    private CpuidCopy() {}

    static CpuidEntry[] fromKvm(CpuidTable table) {
        CpuidEntry[] entries = new CpuidEntry[table.nent()];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = new CpuidEntry(
                    table.function(i),
                    table.index(i),
                    table.flags(i),
                    table.eax(i),
                    table.ebx(i),
                    table.ecx(i),
                    table.edx(i));
        }
        return entries;
    }

    static CpuidTable toKvm(CpuidEntry[] entries, SegmentAllocator allocator) {
        CpuidTable table = new CpuidTable(allocator, Math.max(1, entries.length));
        for (CpuidEntry entry : entries) {
            int position = table.add(entry.function, entry.index, entry.flags);
            table.set(position, entry.eax, entry.ebx, entry.ecx, entry.edx);
        }
        return table;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

import org.jspecify.annotations.Nullable;

/** The CPUID entries of one CPU while they are worked on. Not thread-safe. */
final class CpuidEntries {
    private static final int INTEL_EBX = 0x756e_6547; // "Genu"
    private static final int AMD_EBX = 0x6874_7541; // "Auth"
    private static final int HYGON_EBX = 0x6f67_7948; // "Hygo"

    private final List<CpuidEntry> entries;

    private CpuidEntries(List<CpuidEntry> entries) {
        this.entries = entries;
    }

    /** Makes a table of copies. */
    static CpuidEntries copyOf(CpuidEntry[] source) {
        List<CpuidEntry> copies = new ArrayList<>(source.length + 8);
        for (CpuidEntry entry : source) {
            copies.add(entry.copy());
        }
        return new CpuidEntries(copies);
    }

    /** Returns the entry that answers a question, or null where CPUID would answer zeros. */
    @Nullable CpuidEntry find(int function, int index) {
        for (CpuidEntry entry : entries) {
            if (entry.answers(function, index)) {
                return entry;
            }
        }
        return null;
    }

    /** Returns the answer's register; 0 where there is no entry. */
    int get(int function, int index, CpuidRegister register) {
        CpuidEntry entry = find(function, index);
        return entry == null ? 0 : entry.get(register);
    }

    /** Adds an entry in place of what answered that leaf, or that subleaf, before. */
    void put(CpuidEntry replacement) {
        Iterator<CpuidEntry> iterator = entries.iterator();
        while (iterator.hasNext()) {
            if (iterator.next().answers(replacement.function, replacement.index)) {
                iterator.remove();
            }
        }
        entries.add(replacement);
    }

    /** Removes a leaf with all its subleaves. */
    void remove(int function) {
        Iterator<CpuidEntry> iterator = entries.iterator();
        while (iterator.hasNext()) {
            if (iterator.next().function == function) {
                iterator.remove();
            }
        }
    }

    /** Removes one subleaf. */
    void remove(int function, int index) {
        Iterator<CpuidEntry> iterator = entries.iterator();
        while (iterator.hasNext()) {
            CpuidEntry entry = iterator.next();
            if (entry.function == function && entry.index == index) {
                iterator.remove();
            }
        }
    }

    /** Tells whether a leaf is within what its range's first leaf announces. */
    boolean announces(int function) {
        int base = function & 0xffff_0000;
        return Integer.compareUnsigned(get(base, 0, CpuidRegister.EAX), function) >= 0;
    }

    boolean isIntel() {
        return get(CpuidLeaf.VENDOR, 0, CpuidRegister.EBX) == INTEL_EBX;
    }

    /** Tells whether the topology and extended leaves are AMD's; Hygon's processors are of the same design. */
    boolean isAmd() {
        int vendor = get(CpuidLeaf.VENDOR, 0, CpuidRegister.EBX);
        return vendor == AMD_EBX || vendor == HYGON_EBX;
    }

    List<CpuidEntry> entries() {
        return entries;
    }

    /** Makes an equal table that changes on its own. */
    CpuidEntries copy() {
        return copyOf(toArray());
    }

    /** Returns the entries themselves. */
    CpuidEntry[] toArray() {
        return entries.toArray(new CpuidEntry[0]);
    }
}

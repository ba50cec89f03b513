// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/**
 * Writes the machine's topology into CPUID entries: one socket, one thread a core, a private L1 and L2 cache for each
 * core and one L3 cache for all; the APIC id of a virtual CPU is its index.
 */
final class CpuTopology {
    // Leaf 1.

    private static final int EBX_LOGICAL_COUNT_SHIFT = 16;
    private static final int EBX_APIC_ID_SHIFT = 24;
    private static final int EBX_LOGICAL_COUNT_AND_APIC_ID = 0xffff_0000;
    private static final int EDX_HTT = 1 << 28;

    /** Leaf 0x80000001 ECX, AMD: several logical processors are cores, not threads. */
    private static final int ECX_CMP_LEGACY = 1 << 1;

    /** Leaf 0x80000001 ECX, AMD: leaves 0x8000001d and 0x8000001e are there. */
    private static final int ECX_TOPOEXT = 1 << 22;

    // Leaves 4 and 0x8000001d.

    private static final int CACHE_TYPE_MASK = 0x1f;
    private static final int CACHE_LEVEL_SHIFT = 5;
    private static final int CACHE_LEVEL_MASK = 0x7;
    private static final int CACHE_SHARING_SHIFT = 14;
    private static final int CACHE_SHARING_MAX = 0xfff;
    private static final int CACHE_CORES_SHIFT = 26;
    private static final int CACHE_CORES_MAX = 0x3f;
    private static final int FIRST_SHARED_CACHE_LEVEL = 3;

    // Leaves 0xb and 0x1f, ECX.

    private static final int LEVEL_TYPE_SMT = 1 << 8;
    private static final int LEVEL_TYPE_CORE = 2 << 8;

    // Leaf 0x80000008, ECX.

    private static final int ECX_CORES_AND_APIC_ID_SIZE = 0xf0ff;
    private static final int ECX_APIC_ID_SIZE_SHIFT = 12;

    private final int cpus;

    /** Bits of an APIC id that tell cores apart: logarithm of {@code cpus} to base 2, rounded up. */
    private final int coreBits;

    CpuTopology(int cpus) {
        this.cpus = cpus;
        this.coreBits = Integer.SIZE - Integer.numberOfLeadingZeros(cpus - 1);
    }

    /** Writes what is the same for all virtual CPUs; {@link #applyTo(CpuidEntries, int)} completes it. */
    void applyTo(CpuidEntries table) {
        CpuidEntry features = table.find(CpuidLeaf.FEATURES, 0);
        if (features != null) {
            features.edx = cpus > 1 ? features.edx | EDX_HTT : features.edx & ~EDX_HTT;
        }
        // AMD's newest topology leaf would need its own levels; without it, guests read leaf 0xb.
        table.remove(CpuidLeaf.AMD_TOPOLOGY_V2);
        if (table.isIntel()) {
            intelCaches(table);
        }
        if (table.isAmd()) {
            amdCores(table);
            amdCaches(table);
        }
        if (table.announces(CpuidLeaf.TOPOLOGY)) {
            levels(table, CpuidLeaf.TOPOLOGY);
        }
        if (table.announces(CpuidLeaf.TOPOLOGY_V2)) {
            levels(table, CpuidLeaf.TOPOLOGY_V2);
        }
    }

    /** Writes the ids of one virtual CPU. */
    void applyTo(CpuidEntries table, int apicId) {
        for (CpuidEntry entry : table.entries()) {
            switch (entry.function) {
                case CpuidLeaf.FEATURES ->
                    entry.ebx = (entry.ebx & ~EBX_LOGICAL_COUNT_AND_APIC_ID)
                            | Math.min(cpus, 0xff) << EBX_LOGICAL_COUNT_SHIFT
                            | (apicId & 0xff) << EBX_APIC_ID_SHIFT;
                case CpuidLeaf.TOPOLOGY, CpuidLeaf.TOPOLOGY_V2 -> entry.edx = apicId;
                case CpuidLeaf.AMD_TOPOLOGY -> {
                    if (table.isAmd()) {
                        entry.eax = apicId;
                        entry.ebx = apicId & 0xff; // core id; 1 thread a core
                        entry.ecx = 0; // node 0 of 1
                    }
                }
                default -> {}
            }
        }
    }

    /** Intel counts ids, not CPUs, so that its numbers are powers of two, less one. */
    private void intelCaches(CpuidEntries table) {
        int addressableCores = (1 << coreBits) - 1;
        for (CpuidEntry entry : table.entries()) {
            if (entry.function == CpuidLeaf.CACHES && (entry.eax & CACHE_TYPE_MASK) != 0) {
                int sharing = isShared(entry) ? Math.min(addressableCores, CACHE_SHARING_MAX) : 0;
                entry.eax = (entry.eax & ((1 << CACHE_SHARING_SHIFT) - 1))
                        | sharing << CACHE_SHARING_SHIFT
                        | Math.min(addressableCores, CACHE_CORES_MAX) << CACHE_CORES_SHIFT;
            }
        }
    }

    private void amdCaches(CpuidEntries table) {
        for (CpuidEntry entry : table.entries()) {
            if (entry.function == CpuidLeaf.AMD_CACHES && (entry.eax & CACHE_TYPE_MASK) != 0) {
                int sharing = isShared(entry) ? Math.min(cpus - 1, CACHE_SHARING_MAX) : 0;
                entry.eax = (entry.eax & ~(CACHE_SHARING_MAX << CACHE_SHARING_SHIFT)) | sharing << CACHE_SHARING_SHIFT;
            }
        }
    }

    private static boolean isShared(CpuidEntry cache) {
        return (cache.eax >>> CACHE_LEVEL_SHIFT & CACHE_LEVEL_MASK) >= FIRST_SHARED_CACHE_LEVEL;
    }

    private void amdCores(CpuidEntries table) {
        CpuidEntry features = table.find(CpuidLeaf.AMD_FEATURES, 0);
        if (features != null) {
            features.ecx = cpus > 1 ? features.ecx | ECX_CMP_LEGACY : features.ecx & ~ECX_CMP_LEGACY;
            if ((features.ecx & ECX_TOPOEXT) != 0 && table.announces(CpuidLeaf.AMD_TOPOLOGY)) {
                table.put(new CpuidEntry(CpuidLeaf.AMD_TOPOLOGY, 0, 0, 0, 0, 0, 0));
            }
        }
        CpuidEntry widths = table.find(CpuidLeaf.ADDRESS_WIDTHS, 0);
        if (widths != null) {
            widths.ecx = (widths.ecx & ~ECX_CORES_AND_APIC_ID_SIZE)
                    | Math.min(cpus - 1, 0xff)
                    | coreBits << ECX_APIC_ID_SIZE_SHIFT;
        }
    }

    /** Threads of a core, cores of the socket, and the end of the list. */
    private void levels(CpuidEntries table, int leaf) {
        table.remove(leaf);
        int flags = CpuidEntry.SIGNIFICANT_INDEX;
        table.put(new CpuidEntry(leaf, 0, flags, 0, 1, LEVEL_TYPE_SMT, 0));
        table.put(new CpuidEntry(leaf, 1, flags, coreBits, cpus & 0xffff, 1 | LEVEL_TYPE_CORE, 0));
        table.put(new CpuidEntry(leaf, 2, flags, 0, 0, 2, 0));
    }
}

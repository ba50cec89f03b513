// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/**
 * Keeps leaf 0xd true to the features: state components without a feature go, sizes follow (Intel SDM volume 1,
 * chapter 13).
 */
final class XsaveLayout {
    /** State component and a feature that it serves; one that serves several is there as long as one of them is. */
    private static final Object[][] COMPONENTS = {
        {2, "avx"}, {3, "mpx"}, {4, "mpx"}, {5, "avx512f"}, {6, "avx512f"}, {7, "avx512f"}, {8, "intel_pt"},
        {9, "pku"}, {10, "enqcmd"}, {11, "shstk", "ibt"}, {12, "shstk", "ibt"}, {15, "arch_lbr"},
        {17, "amx_tile"}, {18, "amx_tile"},
    };

    /** The legacy region and the header: what x87 and SSE need. */
    private static final int BASE_LENGTH_BYTES = 512 + 64;

    private static final int FIRST_EXTENDED_COMPONENT = 2;
    private static final int COMPONENTS_MAX = 63;

    private static final int EAX_XSAVEC = 1 << 1;
    private static final int EAX_XSAVES = 1 << 3;

    /** ECX of a component's subleaf: in the compacted form it starts at a multiple of 64 bytes. */
    private static final int ECX_ALIGNED = 1 << 1;

    private static final int ALIGNMENT_BYTES = 64;

    private XsaveLayout() {}

    /** Adapts the leaf of a table whose features have changed. Call only where XSAVE was supported before. */
    static void update(CpuidEntries table) {
        if (!CpuFeatures.has(table, "xsave")) {
            table.remove(CpuidLeaf.XSAVE);
            return;
        }
        long user = mask(table, 0, CpuidRegister.EAX);
        long supervisor = mask(table, 1, CpuidRegister.ECX);
        if (!CpuFeatures.has(table, "xsaves")) {
            removeComponents(table, supervisor);
            supervisor = 0;
        }
        for (Object[] component : COMPONENTS) {
            boolean needed = false;
            for (int i = 1; i < component.length; i++) {
                needed |= CpuFeatures.has(table, (String) component[i]);
            }
            if (!needed) {
                long bit = 1L << (Integer) component[0];
                removeComponents(table, bit);
                user &= ~bit;
                supervisor &= ~bit;
            }
        }
        CpuidEntry main = table.find(CpuidLeaf.XSAVE, 0);
        if (main != null) {
            main.eax = (int) user;
            main.edx = (int) (user >>> 32);
            main.ecx = standardLength(table, user);
            main.ebx = main.ecx; // KVM makes it follow XCR0
        }
        CpuidEntry extended = table.find(CpuidLeaf.XSAVE, 1);
        if (extended != null) {
            extended.ecx = (int) supervisor;
            extended.edx = (int) (supervisor >>> 32);
            boolean compacts = (extended.eax & (EAX_XSAVEC | EAX_XSAVES)) != 0;
            extended.ebx = compacts ? compactedLength(table, user | supervisor) : 0;
        }
    }

    /** The components in a pair of registers: the one given, and EDX above it. */
    private static long mask(CpuidEntries table, int index, CpuidRegister low) {
        return (table.get(CpuidLeaf.XSAVE, index, low) & 0xffff_ffffL)
                | (long) table.get(CpuidLeaf.XSAVE, index, CpuidRegister.EDX) << 32;
    }

    private static void removeComponents(CpuidEntries table, long components) {
        for (int i = FIRST_EXTENDED_COMPONENT; i < COMPONENTS_MAX; i++) {
            if ((components >>> i & 1) != 0) {
                table.remove(CpuidLeaf.XSAVE, i);
            }
        }
    }

    /** Components lie where their subleaves say, with holes where there is none (section 13.4.2). */
    private static int standardLength(CpuidEntries table, long components) {
        int length = BASE_LENGTH_BYTES;
        for (int i = FIRST_EXTENDED_COMPONENT; i < COMPONENTS_MAX; i++) {
            CpuidEntry component = table.find(CpuidLeaf.XSAVE, i);
            if ((components >>> i & 1) != 0 && component != null) {
                length = Math.max(length, component.ebx + component.eax);
            }
        }
        return length;
    }

    /** Components follow each other (section 13.4.3). */
    private static int compactedLength(CpuidEntries table, long components) {
        int length = BASE_LENGTH_BYTES;
        for (int i = FIRST_EXTENDED_COMPONENT; i < COMPONENTS_MAX; i++) {
            CpuidEntry component = table.find(CpuidLeaf.XSAVE, i);
            if ((components >>> i & 1) != 0 && component != null) {
                if ((component.ecx & ECX_ALIGNED) != 0) {
                    length = (length + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES;
                }
                length += component.eax;
            }
        }
        return length;
    }
}

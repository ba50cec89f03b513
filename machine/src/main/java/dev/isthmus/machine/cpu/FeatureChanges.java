// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.machine.VmException;

/** Applies a model's flags to CPUID entries. Loaded only where flags are given. */
final class FeatureChanges {
    /** Bits of leaf 0x80000001 EDX that AMD's processors repeat from leaf 1 EDX. */
    private static final int AMD_FEATURES_EDX_ALIASES = 0x0183_f3ff;

    private FeatureChanges() {}

    /**
     * Takes the model's unwanted features away, and what depends on them.
     *
     * @throws VmException.Configuration if a wanted feature is not supported, or depends on an unwanted one
     */
    static void apply(CpuidEntries table, CpuModel model) {
        for (String flag : model.minus()) {
            CpuFeatures.require(flag);
        }
        for (String flag : model.plus()) {
            CpuFeatures.require(flag);
            if (!CpuFeatures.has(table, flag)) {
                throw new VmException.Configuration(
                        "CPU flag '" + flag + "' is not supported by this host's KVM.",
                        "Leave +" + flag + " out, or use a host that has it.");
            }
        }
        boolean hadXsave = CpuFeatures.has(table, "xsave");
        CpuFeatures.remove(table, model.minus());
        for (String flag : model.plus()) {
            if (!CpuFeatures.has(table, flag)) {
                throw new VmException.Configuration(
                        "CPU flag '" + flag + "' needs a feature that another flag takes away.",
                        "Leave +" + flag + " out, or keep what it needs.");
            }
        }
        if (hadXsave) {
            XsaveLayout.update(table);
        }
        if (table.isAmd()) {
            repeatFeatures(table);
        }
        removeLeavesOf(table, "sgx", CpuidLeaf.SGX);
        removeLeavesOf(table, "intel_pt", CpuidLeaf.PROCESSOR_TRACE);
        removeLeavesOf(table, "amx_tile", CpuidLeaf.TILES);
        removeLeavesOf(table, "amx_tile", CpuidLeaf.TMUL);
    }

    /** Returns the model's flags that a table does not show, with their signs. */
    static List<String> withoutEffect(CpuidEntries table, CpuModel model) {
        List<String> flags = new ArrayList<>();
        for (String flag : model.plus()) {
            if (!CpuFeatures.has(table, flag)) {
                flags.add("+" + flag);
            }
        }
        for (String flag : model.minus()) {
            if (CpuFeatures.has(table, flag)) {
                flags.add("-" + flag);
            }
        }
        return flags;
    }

    private static void repeatFeatures(CpuidEntries table) {
        CpuidEntry entry = table.find(CpuidLeaf.AMD_FEATURES, 0);
        if (entry != null) {
            int features = table.get(CpuidLeaf.FEATURES, 0, CpuidRegister.EDX);
            entry.edx &= features | ~AMD_FEATURES_EDX_ALIASES;
        }
    }

    private static void removeLeavesOf(CpuidEntries table, String feature, int leaf) {
        if (!CpuFeatures.has(table, feature)) {
            table.remove(leaf);
        }
    }
}

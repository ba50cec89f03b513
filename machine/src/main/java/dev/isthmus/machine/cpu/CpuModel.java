// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.machine.VmException;

/**
 * Which processor a guest gets: the host's, as far as its accelerator supports it, with some features taken away or
 * insisted on.
 *
 * @param plus names of features that the guest must have
 * @param minus names of features that the guest must not have
 */
public record CpuModel(List<String> plus, List<String> minus) {
    /** All that the host supports. */
    public static final CpuModel HOST = new CpuModel(List.of(), List.of());

    private static final String HOST_NAME = "host";

    /** Copies the lists. */
    public CpuModel {
        plus = List.copyOf(plus);
        minus = List.copyOf(minus);
    }

    /** Tells whether features are named at all. */
    public boolean hasFlags() {
        return !plus.isEmpty() || !minus.isEmpty();
    }

    /**
     * Compares what was asked for with what a virtual CPU answers. KVM keeps some features as they are: PVM-based KVM shows
     * the processor's own in leaves 1, 7 and 0xd, whatever it is told.
     *
     * @param answered what the virtual CPU answers, as the host tells it
     * @return the flags without effect with their signs, such as {@code -popcnt}, in the order of the lists
     */
    public List<String> flagsWithoutEffect(CpuidEntry[] answered) {
        return hasFlags() ? FeatureChanges.withoutEffect(CpuidEntries.copyOf(answered), this) : List.of();
    }

    /**
     * Reads a model as a user writes it: {@code host}, then any number of {@code ,+flag} and {@code ,-flag}. Flags have
     * the names that Linux gives them in {@code /proc/cpuinfo} and {@code arch/x86/include/asm/cpufeatures.h}; KVM's
     * paravirtual ones those that QEMU gives them. Where a flag is named twice, the last one counts.
     *
     * @throws VmException.Configuration if the text is of another form or a flag is unknown
     */
    public static CpuModel parse(String text) {
        int comma = text.indexOf(',');
        String name = comma < 0 ? text : text.substring(0, comma);
        if (!name.equals(HOST_NAME)) {
            throw new VmException.Configuration(
                    "CPU model '" + name + "' is unknown.", "The only model is 'host'; add ,+flag or ,-flag to change it.");
        }
        if (comma < 0) {
            return HOST;
        }
        List<String> plus = new ArrayList<>();
        List<String> minus = new ArrayList<>();
        while (comma >= 0) {
            int next = text.indexOf(',', comma + 1);
            String item = text.substring(comma + 1, next < 0 ? text.length() : next);
            comma = next;
            if (item.length() < 2 || (item.charAt(0) != '+' && item.charAt(0) != '-')) {
                throw new VmException.Configuration(
                        "CPU flag '" + item + "' has no sign or no name.", "Write +flag or -flag, as in host,-avx512f.");
            }
            String flag = item.substring(1);
            CpuFeatures.require(flag);
            plus.remove(flag);
            minus.remove(flag);
            (item.charAt(0) == '+' ? plus : minus).add(flag);
        }
        return new CpuModel(plus, minus);
    }
}

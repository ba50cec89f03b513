// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

import dev.isthmus.machine.VmException;

/**
 * Feature names and what they depend on. A feature is a set of bits; bit n of {@link FeatureWord#ALL}'s word w has the
 * number w * 32 + n. Loaded only where flags are given.
 */
final class CpuFeatures {
    /** Linux's names for what two vendors tell in bits of their own, or in a bit that has another name, too. */
    private static final String[][] SYNONYMS = {
        {"constant_tsc", "nonstop_tsc"},
        {"ibrs", "spec_ctrl", "amd_ibrs"},
        {"ibpb", "spec_ctrl", "amd_ibpb"},
        {"stibp", "intel_stibp", "amd_stibp"},
        {"ssbd", "spec_ctrl_ssbd", "amd_ssbd", "virt_ssbd"},
        {"user_shstk", "shstk"},
    };

    /**
     * A feature and what it needs: Linux's table ({@code arch/x86/kernel/cpu/cpuid-deps.c}), and what it leaves to the
     * guest's own detection: everything in VEX encoding needs AVX, AMX's parts need its tiles, SVM's parts need SVM.
     */
    private static final String[] DEPENDENCIES = {
        "fxsr fpu", "xsaveopt xsave", "xsavec xsave", "xsaves xsave", "avx xsave", "pku xsave", "mpx xsave",
        "xgetbv1 xsave", "cmov fxsr", "mmx fxsr", "mmxext mmx", "3dnow mmx", "3dnowext 3dnow", "fxsr_opt fxsr",
        "xsave fxsr", "sse fxsr", "sse2 sse", "sse4a sse2", "misalignsse sse", "pni sse2", "ssse3 sse2",
        "sse4_1 sse2", "sse4_2 sse2", "pclmulqdq sse2", "aes sse2", "sha_ni sse2", "gfni sse2",
        "f16c avx", "fma avx", "fma4 avx", "xop avx", "vaes avx", "vpclmulqdq avx", "avx2 avx", "avx512f avx",
        "avx_vnni avx2", "avx_ifma avx2", "avx_vnni_int8 avx2", "avx_vnni_int16 avx2", "avx_ne_convert avx2",
        "sha512 avx2", "sm3 avx", "sm4 avx2",
        "avx512ifma avx512f", "avx512pf avx512f", "avx512er avx512f", "avx512cd avx512f", "avx512dq avx512f",
        "avx512bw avx512f", "avx512vl avx512f", "avx512vbmi avx512f", "avx512_vbmi2 avx512vl",
        "avx512_vnni avx512vl", "avx512_bitalg avx512vl", "avx512_4vnniw avx512f", "avx512_4fmaps avx512f",
        "avx512_vpopcntdq avx512f", "avx512_vp2intersect avx512vl", "avx512_bf16 avx512vl", "avx512_fp16 avx512bw",
        "enqcmd xsaves", "shstk xsaves", "arch_lbr xsaves", "xfd xsaves", "xfd xgetbv1", "amx_tile xfd",
        "amx_int8 amx_tile", "amx_bf16 amx_tile", "amx_fp16 amx_tile", "amx_complex amx_tile",
        "sgx_lc sgx", "fred lkgs", "rdpid rdtscp", "tsc_deadline_timer apic", "x2apic apic",
        "npt svm", "lbrv svm", "svm_lock svm", "nrip_save svm", "tsc_scale svm", "vmcb_clean svm", "flushbyasid svm",
        "decodeassists svm", "pausefilter svm", "pfthreshold svm", "avic svm", "v_vmsave_vmload svm", "vgif svm",
        "x2avic svm", "v_spec_ctrl svm", "vnmi svm", "svme_addr_chk svm",
    };

    /** What follows from the machine or the guest's own doing. */
    private static final String[][] NOT_FOR_USERS = {
        {"ht", "It follows from the number of CPUs."},
        {"cmp_legacy", "It follows from the number of CPUs."},
        {"osxsave", "The guest's kernel sets it; the flag to change is xsave."},
        {"ospke", "The guest's kernel sets it; the flag to change is pku."},
    };

    private static final Map<String, BitSet> BITS_BY_NAME = bitsByName();

    private CpuFeatures() {}

    private static Map<String, BitSet> bitsByName() {
        Map<String, BitSet> bits = new LinkedHashMap<>();
        for (int w = 0; w < FeatureWord.ALL.size(); w++) {
            FeatureWord word = FeatureWord.ALL.get(w);
            for (int n = 0; n < word.names().size(); n++) {
                String name = word.names().get(n);
                if (!name.equals(FeatureWord.NO_NAME)) {
                    bitsOf(bits, name).set(w * Integer.SIZE + n);
                }
            }
        }
        for (String[] synonym : SYNONYMS) {
            for (int i = 1; i < synonym.length; i++) {
                bitsOf(bits, synonym[0]).or(bitsOf(bits, synonym[i]));
            }
        }
        return bits;
    }

    private static BitSet bitsOf(Map<String, BitSet> bits, String name) {
        BitSet known = bits.get(name);
        if (known == null) {
            known = new BitSet();
            bits.put(name, known);
        }
        return known;
    }

    /**
     * Checks that a feature is known and the user's to change.
     *
     * @throws VmException.Configuration if not; its remedy names the flag that may have been meant
     */
    static void require(String name) {
        for (String[] reserved : NOT_FOR_USERS) {
            if (reserved[0].equals(name)) {
                throw new VmException.Configuration("CPU flag '" + name + "' can't be changed.", reserved[1]);
            }
        }
        if (BITS_BY_NAME.containsKey(name)) {
            return;
        }
        String meant = NearestName.find(name, BITS_BY_NAME.keySet());
        String remedy = "Flags have the names that Linux shows in /proc/cpuinfo.";
        throw new VmException.Configuration(
                "CPU flag '" + name + "' is unknown.", meant == null ? remedy : "Did you mean '" + meant + "'? " + remedy);
    }

    /** Tells whether a table has a feature: one of its bits at least. */
    static boolean has(CpuidEntries table, String name) {
        BitSet bits = bitsOf(name);
        for (int bit = bits.nextSetBit(0); bit >= 0; bit = bits.nextSetBit(bit + 1)) {
            FeatureWord word = wordOf(bit);
            if ((table.get(word.function(), word.index(), word.register()) & maskOf(bit)) != 0) {
                return true;
            }
        }
        return false;
    }

    /** Takes features away, and all that depend on them. */
    static void remove(CpuidEntries table, Iterable<String> names) {
        BitSet removed = new BitSet();
        for (String name : names) {
            removed.or(bitsOf(name));
        }
        boolean changed = true;
        while (changed) {
            changed = false;
            for (String pair : DEPENDENCIES) {
                int space = pair.indexOf(' ');
                BitSet dependent = bitsOf(pair.substring(0, space));
                BitSet needed = bitsOf(pair.substring(space + 1));
                // A feature of several bits is gone only with the last of them.
                if (containsAll(removed, needed) && !containsAll(removed, dependent)) {
                    removed.or(dependent);
                    changed = true;
                }
            }
        }
        for (int bit = removed.nextSetBit(0); bit >= 0; bit = removed.nextSetBit(bit + 1)) {
            FeatureWord word = wordOf(bit);
            CpuidEntry entry = table.find(word.function(), word.index());
            if (entry != null) {
                entry.clear(word.register(), maskOf(bit));
            }
        }
    }

    private static boolean containsAll(BitSet set, BitSet subset) {
        BitSet missing = (BitSet) subset.clone();
        missing.andNot(set);
        return missing.isEmpty();
    }

    private static BitSet bitsOf(String name) {
        BitSet bits = BITS_BY_NAME.get(name);
        if (bits == null) {
            throw new IllegalArgumentException("No feature " + name);
        }
        return bits;
    }

    private static FeatureWord wordOf(int bit) {
        return FeatureWord.ALL.get(bit / Integer.SIZE);
    }

    private static int maskOf(int bit) {
        return 1 << (bit % Integer.SIZE);
    }
}

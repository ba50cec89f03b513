// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import dev.isthmus.machine.VmException;

/**
 * Makes the CPUID entries of a machine's virtual CPUs.
 *
 * <p>Starts from what the host supports ({@code KVM_GET_SUPPORTED_CPUID}), which already is the {@code host} model but
 * for what depends on the machine: topology and APIC ids ({@link CpuTopology}), bits that the guest's kernel sets at
 * run time, the hypervisor's leaves, the processor's name and the TSC's frequency. Whatever else the host supports is
 * passed on untouched; guests on interpreting hosts rely on that, as those that look at XSAVEERPTR do (leaf 0x80000008).
 *
 * <p>The common part is worked out once, {@link #forVcpu} only adds ids. Immutable once made; usable from any thread.
 */
public final class CpuidBuilder {
    // Leaf 1 ECX.

    private static final int ECX_TSC_DEADLINE = 1 << 24;
    private static final int ECX_OSXSAVE = 1 << 27;
    private static final int ECX_HYPERVISOR = 1 << 31;

    /** Leaf 7 ECX. */
    private static final int ECX_OSPKE = 1 << 4;

    // Leaf 0x40000001 EAX: the features that are hypercalls.

    private static final int KVM_FEATURE_PV_UNHALT = 1 << 7;
    private static final int KVM_FEATURE_PV_SEND_IPI = 1 << 11;
    private static final int KVM_FEATURE_PV_SCHED_YIELD = 1 << 13;
    private static final int KVM_FEATURE_HC_MAP_GPA_RANGE = 1 << 16;

    private static final int KVM_SIGNATURE_EBX = 0x4b4d_564b; // "KVMK"
    private static final int KVM_SIGNATURE_ECX = 0x564b_4d56; // "VMKV"
    private static final int KVM_SIGNATURE_EDX = 0x0000_004d; // "M"

    /** KVM's local APIC timers count nanoseconds. */
    private static final int APIC_BUS_KHZ = 1_000_000;

    private static final int BRAND_LEAVES = 3;
    private static final int BRAND_LEAF_BYTES = 16;

    private final CpuidEntries common;
    private final CpuTopology topology;
    private final int cpus;

    /**
     * Works out what all virtual CPUs share.
     *
     * @param supported what the host supports; not changed
     * @param model the user's changes
     * @param cpus number of virtual CPUs, 1 to 32768
     * @param options what the supported CPUID does not tell
     * @throws VmException.Configuration if the model insists on a feature that the host does not support
     * @throws IllegalArgumentException if the number of CPUs is out of range
     */
    public CpuidBuilder(CpuidEntry[] supported, CpuModel model, int cpus, CpuidOptions options) {
        if (cpus < 1 || cpus > 1 << 15) {
            throw new IllegalArgumentException("CPUs out of range");
        }
        this.cpus = cpus;
        this.topology = new CpuTopology(cpus);
        this.common = CpuidEntries.copyOf(supported);
        runtimeBits(options);
        hypervisorLeaves(options);
        if (model.hasFlags()) {
            FeatureChanges.apply(common, model);
        }
        topology.applyTo(common);
        tscFrequency(options.tscKhz());
        brand(options.brand());
    }

    /**
     * Makes the entries of one virtual CPU with {@link CpuidOptions#DEFAULT}.
     *
     * @param supported what the host supports; not changed
     * @param model the user's changes
     * @param vcpuIndex which one, 0 to {@code cpus} - 1
     * @param cpus number of virtual CPUs
     * @throws VmException.Configuration if the model insists on a feature that the host does not support
     */
    public static CpuidEntry[] build(CpuidEntry[] supported, CpuModel model, int vcpuIndex, int cpus) {
        return new CpuidBuilder(supported, model, cpus, CpuidOptions.DEFAULT).forVcpu(vcpuIndex);
    }

    /**
     * Makes the entries of one virtual CPU.
     *
     * @param vcpuIndex which one, 0 to {@code cpus} - 1; also its APIC id
     */
    public CpuidEntry[] forVcpu(int vcpuIndex) {
        if (vcpuIndex < 0 || vcpuIndex >= cpus) {
            throw new IllegalArgumentException("No such CPU");
        }
        CpuidEntries table = common.copy();
        topology.applyTo(table, vcpuIndex);
        return table.toArray();
    }

    /** What the guest's kernel turns on starts off, and the guest is told that it is one. */
    private void runtimeBits(CpuidOptions options) {
        CpuidEntry features = common.find(CpuidLeaf.FEATURES, 0);
        if (features != null) {
            features.ecx = (features.ecx & ~(ECX_OSXSAVE | ECX_TSC_DEADLINE)) | ECX_HYPERVISOR;
            if (options.tscDeadlineTimer()) {
                features.ecx |= ECX_TSC_DEADLINE;
            }
        }
        CpuidEntry extended = common.find(CpuidLeaf.EXTENDED_FEATURES, 0);
        if (extended != null) {
            extended.ecx &= ~ECX_OSPKE;
        }
    }

    private void hypervisorLeaves(CpuidOptions options) {
        common.put(new CpuidEntry(
                CpuidLeaf.HYPERVISOR,
                0,
                0,
                options.tscKhz() == 0 ? CpuidLeaf.KVM_FEATURES : CpuidLeaf.TSC_FREQUENCY,
                KVM_SIGNATURE_EBX,
                KVM_SIGNATURE_ECX,
                KVM_SIGNATURE_EDX));
        CpuidEntry features = common.find(CpuidLeaf.KVM_FEATURES, 0);
        if (features != null && !options.hypercalls()) {
            features.eax &= ~(KVM_FEATURE_PV_UNHALT
                    | KVM_FEATURE_PV_SEND_IPI
                    | KVM_FEATURE_PV_SCHED_YIELD
                    | KVM_FEATURE_HC_MAP_GPA_RANGE);
        }
    }

    private void tscFrequency(long tscKhz) {
        if (tscKhz == 0) {
            return;
        }
        common.put(new CpuidEntry(CpuidLeaf.TSC_FREQUENCY, 0, 0, (int) tscKhz, APIC_BUS_KHZ, 0, 0));
        if (common.isIntel() && common.announces(CpuidLeaf.TSC_RATIO)) {
            // Frequency = ECX * EBX / EAX, with the APIC's bus as the crystal: guests take the APIC timer to run at ECX.
            common.put(new CpuidEntry(
                    CpuidLeaf.TSC_RATIO, 0, 0, APIC_BUS_KHZ, (int) tscKhz, APIC_BUS_KHZ * 1000, 0));
        }
    }

    /** Forty-eight bytes, the last of them NUL, in EAX to EDX of three leaves. */
    private void brand(String brand) {
        if (brand.isEmpty() || !common.announces(CpuidLeaf.BRAND + BRAND_LEAVES - 1)) {
            return;
        }
        for (int i = 0; i < BRAND_LEAVES; i++) {
            int at = i * BRAND_LEAF_BYTES;
            common.put(new CpuidEntry(
                    CpuidLeaf.BRAND + i,
                    0,
                    0,
                    brandWord(brand, at),
                    brandWord(brand, at + 4),
                    brandWord(brand, at + 8),
                    brandWord(brand, at + 12)));
        }
    }

    private static int brandWord(String brand, int at) {
        int word = 0;
        for (int i = 0; i < 4; i++) {
            int position = at + i;
            if (position < brand.length() && position < BRAND_LEAVES * BRAND_LEAF_BYTES - 1) {
                char c = brand.charAt(position);
                word |= (c >= ' ' && c <= '~' ? c : '?') << (8 * i);
            }
        }
        return word;
    }
}

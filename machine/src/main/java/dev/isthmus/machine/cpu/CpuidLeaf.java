// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/**
 * The CPUID leaves that the machine writes itself. Sources: Intel SDM volume 2A, "CPUID"; AMD APM volume 3, appendix E;
 * for the hypervisor's range, the kernel's {@code Documentation/virt/kvm/x86/cpuid.rst}.
 */
final class CpuidLeaf {
    /** Greatest basic leaf, vendor. */
    static final int VENDOR = 0x0;

    /** Family and model, APIC id, features. */
    static final int FEATURES = 0x1;

    /** Intel's cache parameters, a subleaf a cache. */
    static final int CACHES = 0x4;

    /** Structured extended features. */
    static final int EXTENDED_FEATURES = 0x7;

    /** Extended topology. */
    static final int TOPOLOGY = 0xb;

    /** XSAVE: state components and sizes. */
    static final int XSAVE = 0xd;

    /** SGX. */
    static final int SGX = 0x12;

    /** Processor trace. */
    static final int PROCESSOR_TRACE = 0x14;

    /** Intel's TSC to crystal clock ratio. */
    static final int TSC_RATIO = 0x15;

    /** AMX tiles. */
    static final int TILES = 0x1d;

    /** AMX matrix multiplication. */
    static final int TMUL = 0x1e;

    /** Extended topology, version 2. */
    static final int TOPOLOGY_V2 = 0x1f;

    /** First leaf of the hypervisor's range: greatest leaf, signature. */
    static final int HYPERVISOR = 0x4000_0000;

    /** KVM's paravirtual features. */
    static final int KVM_FEATURES = 0x4000_0001;

    /** TSC and APIC bus frequency; VMware's leaf, which QEMU gives with KVM, too. */
    static final int TSC_FREQUENCY = 0x4000_0010;

    /** More features, AMD's for the most part. */
    static final int AMD_FEATURES = 0x8000_0001;

    /** First of three leaves with the processor's name. */
    static final int BRAND = 0x8000_0002;

    /** Address widths, AMD's core count. */
    static final int ADDRESS_WIDTHS = 0x8000_0008;

    /** AMD's cache parameters, a subleaf a cache. */
    static final int AMD_CACHES = 0x8000_001d;

    /** AMD's processor topology. */
    static final int AMD_TOPOLOGY = 0x8000_001e;

    /** AMD's extended topology of processors with several kinds of cores. */
    static final int AMD_TOPOLOGY_V2 = 0x8000_0026;

    private CpuidLeaf() {}
}

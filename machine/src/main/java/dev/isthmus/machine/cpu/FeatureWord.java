// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.List;

/**
 * Thirty-two feature bits: one register of one CPUID leaf.
 *
 * @param function the leaf
 * @param index the subleaf
 * @param register the register
 * @param names the name of each bit from bit 0 on, in Linux's words, or {@link #NO_NAME}; at most 32
 */
record FeatureWord(int function, int index, CpuidRegister register, List<String> names) {
    /** A bit that has no name, or no meaning. */
    static final String NO_NAME = ".";

    /**
     * The words, as Linux 6.12 names their bits: in quotes in {@code arch/x86/include/asm/cpufeatures.h} and so in
     * {@code /proc/cpuinfo}, else as the macro behind {@code X86_FEATURE_}. A few newer bits of leaf 7 are from
     * {@code arch/x86/kvm/reverse_cpuid.h}. Leaf 0x40000001 is named as QEMU names it.
     */
    static final List<FeatureWord> ALL = List.of(
            word(
                    CpuidLeaf.FEATURES,
                    0,
                    CpuidRegister.EDX,
                    """
                    fpu vme de pse tsc msr pae mce
                    cx8 apic . sep mtrr pge mca cmov
                    pat pse36 pn clflush . dts acpi mmx
                    fxsr sse sse2 ss ht tm ia64 pbe"""),
            word(
                    CpuidLeaf.FEATURES,
                    0,
                    CpuidRegister.ECX,
                    """
                    pni pclmulqdq dtes64 monitor ds_cpl vmx smx est
                    tm2 ssse3 cid sdbg fma cx16 xtpr pdcm
                    . pcid dca sse4_1 sse4_2 x2apic movbe popcnt
                    tsc_deadline_timer aes xsave osxsave avx f16c rdrand hypervisor"""),
            word(0x6, 0, CpuidRegister.EAX, "dtherm ida arat . pln . pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req"),
            word(0x6, 0, CpuidRegister.ECX, "aperfmperf . . epb"),
            word(
                    CpuidLeaf.EXTENDED_FEATURES,
                    0,
                    CpuidRegister.EBX,
                    """
                    fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp_excptn_only smep
                    bmi2 erms invpcid rtm cqm zero_fcs_fds mpx rdt_a
                    avx512f avx512dq rdseed adx smap avx512ifma . clflushopt
                    clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"""),
            word(
                    CpuidLeaf.EXTENDED_FEATURES,
                    0,
                    CpuidRegister.ECX,
                    """
                    . avx512vbmi umip pku ospke waitpkg avx512_vbmi2 shstk
                    gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq .
                    la57 . . . . . rdpid .
                    bus_lock_detect cldemote . movdiri movdir64b enqcmd sgx_lc"""),
            word(
                    CpuidLeaf.EXTENDED_FEATURES,
                    0,
                    CpuidRegister.EDX,
                    """
                    . . avx512_4vnniw avx512_4fmaps fsrm . . .
                    avx512_vp2intersect srbds_ctrl md_clear rtm_always_abort . tsx_force_abort serialize hybrid_cpu
                    tsxldtrk . pconfig arch_lbr ibt . amx_bf16 avx512_fp16
                    amx_tile amx_int8 spec_ctrl intel_stibp flush_l1d arch_capabilities core_capabilities spec_ctrl_ssbd"""),
            word(
                    CpuidLeaf.EXTENDED_FEATURES,
                    1,
                    CpuidRegister.EAX,
                    """
                    sha512 sm3 sm4 . avx_vnni avx512_bf16 . cmpccxadd
                    arch_perfmon_ext . fzrm fsrs fsrc . . .
                    . fred lkgs wrmsrns . amx_fp16 . avx_ifma
                    . . lam"""),
            word(
                    CpuidLeaf.EXTENDED_FEATURES,
                    1,
                    CpuidRegister.EDX,
                    """
                    . . . . avx_vnni_int8 avx_ne_convert . .
                    amx_complex . avx_vnni_int16 . . . prefetchiti"""),
            word(
                    CpuidLeaf.EXTENDED_FEATURES,
                    2,
                    CpuidRegister.EDX,
                    "intel_psfd ipred_ctrl rrsba_ctrl ddpd_u bhi_ctrl mcdt_no"),
            word(CpuidLeaf.XSAVE, 1, CpuidRegister.EAX, "xsaveopt xsavec xgetbv1 xsaves xfd"),
            word(
                    CpuidLeaf.KVM_FEATURES,
                    0,
                    CpuidRegister.EAX,
                    """
                    kvmclock kvm-nopiodelay kvm-mmu kvmclock kvm-asyncpf kvm-steal-time kvm-pv-eoi kvm-pv-unhalt
                    . kvm-pv-tlb-flush kvm-asyncpf-vmexit kvm-pv-ipi kvm-poll-control kvm-pv-sched-yield kvm-asyncpf-int kvm-msi-ext-dest-id
                    . . . . . . . .
                    kvmclock-stable-bit"""),
            word(
                    CpuidLeaf.AMD_FEATURES,
                    0,
                    CpuidRegister.EDX,
                    """
                    . . . . . . . .
                    . . . syscall . . . .
                    . . . mp nx . mmxext .
                    . fxsr_opt pdpe1gb rdtscp . lm 3dnowext 3dnow"""),
            word(
                    CpuidLeaf.AMD_FEATURES,
                    0,
                    CpuidRegister.ECX,
                    """
                    lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse
                    3dnowprefetch osvw ibs xop skinit wdt . lwp
                    fma4 tce . nodeid_msr . tbm topoext perfctr_core
                    perfctr_nb . bpext ptsc perfctr_llc mwaitx"""),
            word(0x8000_0007, 0, CpuidRegister.EDX, ". . . . . . . hw_pstate nonstop_tsc cpb"),
            word(
                    CpuidLeaf.ADDRESS_WIDTHS,
                    0,
                    CpuidRegister.EBX,
                    """
                    clzero irperf xsaveerptr . rdpru . . .
                    . wbnoinvd . . amd_ibpb . amd_ibrs amd_stibp
                    . amd_stibp_always_on . . . . . amd_ppin
                    amd_ssbd virt_ssbd amd_ssb_no cppc amd_psfd btc_no amd_ibpb_ret brs"""),
            word(
                    0x8000_000a,
                    0,
                    CpuidRegister.EDX,
                    """
                    npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists
                    . . pausefilter . pfthreshold avic . v_vmsave_vmload
                    vgif . x2avic . v_spec_ctrl . . .
                    . vnmi . . svme_addr_chk"""),
            word(
                    0x8000_0021,
                    0,
                    CpuidRegister.EAX,
                    """
                    no_nested_data_bp wrmsr_xx_base_ns lfence_rdtsc . . verw_clear null_sel_clr_base .
                    autoibrs no_smm_ctl_msr . . . . . .
                    . . . . . . . .
                    . . . sbpb ibpb_brtype srso_no srso_user_kernel_no srso_bp_spec_reduce"""));

    private static FeatureWord word(int function, int index, CpuidRegister register, String names) {
        return new FeatureWord(function, index, register, List.of(names.split("\\s+")));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/**
 * What {@link CpuidBuilder} can't know from the supported CPUID.
 *
 * @param tscKhz frequency of the guest's time stamp counter ({@code KVM_GET_TSC_KHZ}), 0 for unknown. Where it is
 *     known, guests read it from CPUID and need not measure it against a timer, which takes them long on hosts that
 *     emulate
 * @param tscDeadlineTimer whether the local APIC has the TSC-deadline mode ({@code KVM_CAP_TSC_DEADLINE_TIMER}); older
 *     kernels leave the bit out of the supported CPUID
 * @param hypercalls whether guests are told of the paravirtual features that are hypercalls. False for hosts that
 *     interpret the guest's kernel: there a hypercall may not return
 * @param brand the processor's name, which KVM does not tell ({@link HostBrand#read}); at most 47 ASCII characters are
 *     used. Empty: as the supported CPUID has it
 */
public record CpuidOptions(long tscKhz, boolean tscDeadlineTimer, boolean hypercalls, String brand) {
    /** A kernel of the last ten years on hardware virtualisation, with nothing known of frequency and name. */
    public static final CpuidOptions DEFAULT = new CpuidOptions(0, true, true, "");

    /**
     * Checks the frequency.
     *
     * @throws IllegalArgumentException if it does not fit CPUID's 32 bits
     */
    public CpuidOptions {
        if (tscKhz < 0 || tscKhz > 0xffff_ffffL) {
            throw new IllegalArgumentException("TSC frequency out of range");
        }
    }
}

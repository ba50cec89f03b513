// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel;

import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.cpu.CpuidEntry;
import dev.isthmus.memory.MemoryRegion;

/**
 * What runs one VM's guest code: memory, vCPUs, interrupt controllers and the timer that come with them. The seam to
 * the CPU: everything above is the same whatever stands behind it.
 *
 * <p>Any thread. Failed calls throw {@link dev.isthmus.machine.VmException} with a remedy where the host is the cause.
 */
public interface Accelerator extends AutoCloseable {
    /**
     * Tells whether guest code at CPL 0 is interpreted rather than run by the processor, which makes it slow and some
     * instructions impossible.
     */
    boolean interpretsKernelCode();

    /** Returns the most vCPUs that a VM can have. */
    int maxVcpus();

    /** Tells whether the local APICs have the TSC-deadline mode, which the supported CPUID may not say. */
    boolean hasTscDeadlineTimer();

    /** Returns what CPUID can answer; the caller may change the entries. */
    CpuidEntry[] supportedCpuid();

    /**
     * Gives the guest RAM. May take some milliseconds.
     *
     * @param region stays allocated until the accelerator is closed
     */
    void addRam(MemoryRegion region);

    /**
     * Adds the interval timer that comes with the interrupt controllers; once, before a vCPU runs. May take some
     * milliseconds.
     */
    void addTimer();

    /**
     * Makes a vCPU.
     *
     * @param index its number and APIC id, from 0; number 0 is the boot processor, all others wait for INIT and SIPI
     */
    Vcpu createVcpu(int index);

    /** Sets the level of an interrupt line of the interrupt controllers. Never blocks for long. */
    void setIrqLevel(int gsi, boolean asserted);

    /** Has each signal of an eventfd raise an edge of a GSI from now on. */
    void attachIrq(EventFd trigger, int gsi);

    /**
     * Has a guest write signal an eventfd instead of causing an exit.
     *
     * @param gpa guest physical address of the write
     * @param sizeBytes width of the write: 1, 2, 4 or 8
     * @param value the value that counts; writes of others exit as ever
     */
    void attachNotifier(EventFd notified, long gpa, int sizeBytes, long value);

    /** {@link #attachNotifier(EventFd, long, int, long)} for writes of any value and width. */
    void attachNotifier(EventFd notified, long gpa);

    /** Undoes {@link #attachNotifier(EventFd, long)}: writes cause exits again. May take some milliseconds. */
    void detachNotifier(EventFd notified, long gpa);

    /**
     * Makes a message-signalled interrupt.
     *
     * @throws dev.isthmus.machine.VmException.HostFault if the host has no more descriptors or GSIs for it
     */
    MsiRoute newMsiRoute();

    /**
     * Puts vCPUs, interrupt controllers and timer into the state after power-on; RAM stays as it is. No vCPU may be
     * running.
     */
    void resetToPowerOn();

    /** Gives everything back; vCPUs are closed before. RAM may be freed afterwards. Idempotent. */
    @Override
    void close();
}

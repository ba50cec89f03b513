// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel;

import dev.isthmus.machine.boot.InitialCpuState;
import dev.isthmus.machine.cpu.CpuidEntry;

/**
 * A virtual CPU.
 *
 * <p>Role VCPU: used by one thread at a time, and between {@link #attachThread} and {@link #detachThread} by that thread
 * alone; only {@link #kick} is for any thread at any time.
 */
public interface Vcpu extends AutoCloseable {
    /** Returns its number, from 0. */
    int index();

    /** Returns how fast its time stamp counter counts, in kHz; 0 where that is unknown. */
    int tscKhz();

    /** Sets what CPUID answers; once, before it runs. */
    void setCpuid(CpuidEntry[] entries);

    /** Returns what CPUID answers to the guest's kernel, which a host may have of its own will. Allocates. */
    CpuidEntry[] cpuid();

    /** Sets the registers with which the boot processor enters a kernel. */
    void setInitialState(InitialCpuState state);

    /** Makes the calling thread the one that runs this vCPU. Platform threads only. */
    void attachThread();

    /** Undoes {@link #attachThread}; on the same thread. */
    void detachThread();

    /**
     * Runs the guest until something needs the machine. Allocates nothing.
     *
     * @return this vCPU's one view of its latest exit; for {@link ExitKind#INTERRUPTED}, the guest can be gone on with
     * @throws dev.isthmus.machine.VmException.HostFault if the host fails, for want of memory for one
     */
    VcpuExit run();

    /**
     * Finishes the instruction that the last exit interrupted (a port read that waits for its value, a string
     * instruction halfway), without running another. Before the vCPU's state is read or replaced.
     *
     * @return {@link ExitKind#INTERRUPTED} when done; any other exit is to be handled and this called again
     */
    VcpuExit finishInstruction();

    /**
     * Makes {@link #run} return soon: the call under way, or else the next one. Never lost, never blocks; several kicks
     * may become one. Any thread; does nothing where no thread is attached.
     */
    void kick();

    /** Returns the view of the latest exit. On the attached thread. */
    VcpuExit lastExit();

    /** Tells the guest, where it listens, that it stood still, lest its watchdogs take that for a hang. */
    void notePause();

    /** Reads the registers, for dumps and debuggers. Allocates. */
    CpuRegisters registers();

    /**
     * Stops the guest with {@link ExitKind#DEBUG} exits.
     *
     * @param singleStep after every instruction
     * @param breakpoints before the instructions at these linear addresses, up to four
     */
    void debug(boolean singleStep, long... breakpoints);

    /** Gives its resources back; it must not be running. Idempotent. */
    @Override
    void close();
}

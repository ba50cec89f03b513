// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

/** How a VM ended, or that it has not ended yet. */
public sealed interface VmResult {
    /** The guest powered off. */
    record PoweredOff() implements VmResult {}

    /** The guest reset, and the VM was started with {@link VmBuilder#noReboot()}. */
    record Reset() implements VmResult {}

    /**
     * The guest wrote to the debug-exit port.
     *
     * @param value what it wrote, zero-extended
     */
    record DebugExit(int value) implements VmResult {}

    /**
     * The guest's kernel panicked and said so through pvpanic.
     *
     * @param dump the state of the vCPUs and the last serial lines, for a kernel developer to read
     */
    record Panicked(String dump) implements VmResult {}

    /**
     * A vCPU shut down after a triple fault, and the VM may not reboot.
     *
     * @param dump the state of the vCPUs and the last serial lines, for a kernel developer to read
     */
    record TripleFault(String dump) implements VmResult {}

    /**
     * KVM could not continue to run the guest: a failed entry or an internal error.
     *
     * @param dump the reason, the state of the vCPUs, the instruction bytes and the last serial lines
     */
    record KvmFailure(String dump) implements VmResult {}

    /** {@link Vm#stop()} or {@link Vm#close()} ended it. */
    record Stopped() implements VmResult {}

    /** The time to wait is over and the VM is still running (or paused). */
    record TimedOut() implements VmResult {}
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** How a machine ended. */
public sealed interface MachineExit {
    /** The guest switched itself off. */
    record PoweredOff() implements MachineExit {}

    /** The guest asked for a reset where reboots are not allowed. */
    record Reset() implements MachineExit {}

    /**
     * The guest wrote to the debug-exit port.
     *
     * @param value what it wrote, zero-extended
     */
    record DebugExit(int value) implements MachineExit {}

    /**
     * The guest's kernel panicked and said so through pvpanic.
     *
     * @param dump the vCPU that said so and the last of the serial output
     */
    record Panicked(String dump) implements MachineExit {}

    /**
     * Triple fault: an exception that the guest's kernel could not handle, nor the failure to handle it.
     *
     * @param dump the vCPU and the last of the serial output
     */
    record TripleFault(String dump) implements MachineExit {}

    /**
     * The accelerator could not continue the guest.
     *
     * @param dump why, the vCPU and the last of the serial output
     */
    record AcceleratorFailure(String dump) implements MachineExit {}

    /** Stopped from outside. */
    record Stopped() implements MachineExit {}

    /**
     * The host failed under the running guest.
     *
     * @param fault cause and remedy
     */
    record HostFailure(VmException fault) implements MachineExit {}

    /**
     * A bug of this program.
     *
     * @param cause what was thrown
     */
    @SuppressWarnings("AvoidCommonTypeNames") // Always read with its outer type's name.
    record InternalError(Throwable cause) implements MachineExit {}
}

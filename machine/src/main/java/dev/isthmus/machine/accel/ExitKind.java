// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel;

/** Why a vCPU came out of the guest, and with that, which fields of {@link VcpuExit} are valid. */
public enum ExitKind {
    /** The guest reads ports: {@code IN}, or {@code INS} with a count. */
    PORT_READ,
    /** The guest writes ports: {@code OUT}, or {@code OUTS} with a count. */
    PORT_WRITE,
    /** The guest reads where there is no RAM. */
    MMIO_READ,
    /** The guest writes where there is no RAM. */
    MMIO_WRITE,
    /** {@code HLT}, without interrupt controllers of the accelerator's that would wait by themselves. */
    HALT,
    /** A triple fault, the processor's shutdown state. */
    SHUTDOWN,
    /** The guest asked for power-off through a firmware interface of the accelerator's. */
    POWER_OFF,
    /** The guest asked for a reset through a firmware interface of the accelerator's. */
    RESET,
    /** The guest reported a crash through a firmware interface of the accelerator's. */
    CRASH,
    /** The processor refuses the vCPU's state. */
    FAIL_ENTRY,
    /** The accelerator can't go on: an instruction that it can't emulate, for one. */
    INTERNAL_ERROR,
    /** A breakpoint or step that {@link Vcpu#debug} asked for. */
    DEBUG,
    /** A kick, a signal, or nothing at all: the guest can be gone on with. */
    INTERRUPTED,
    /** None of these; {@link VcpuExit#describe} has the particulars. */
    UNKNOWN
}

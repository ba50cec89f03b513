// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;

/**
 * Told about exits that are not for a device. Called on the vCPU's thread, which may read the vCPU's registers
 * meanwhile; returns at once, and asks threads for what is to follow through {@link VcpuThread#setGoal}.
 */
public interface ExitListener {
    /** The guest asked for power-off or reset, or reported a crash, by way of the accelerator. */
    void systemEvent(Vcpu vcpu, VcpuExit exit);

    /** Triple fault. The vCPU does not run on. */
    void tripleFault(Vcpu vcpu, VcpuExit exit);

    /** The accelerator can't go on, or came with something nobody asked for. The vCPU does not run on. */
    void cannotContinue(Vcpu vcpu, VcpuExit exit);

    /** The host failed. The vCPU does not run on. */
    void hostFailed(VmException fault);

    /** The thread has ended, after any of the above or because it was to stop. Its last call. */
    void ended(Vcpu vcpu);

    /** Something threw: a bug of the VMM, where it does not speak of the host. The vCPU does not run on. */
    void bug(Throwable thrown);
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.bus.Bus;

/**
 * Carries a vCPU's port and MMIO accesses to the devices.
 *
 * <p>Role VCPU, several at once. Immutable. Allocates nothing.
 */
public final class ExitDispatcher {
    private final Bus ports;
    private final Bus mmio;

    /** Makes one for the buses of a machine. */
    public ExitDispatcher(Bus ports, Bus mmio) {
        this.ports = ports;
        this.mmio = mmio;
    }

    /** Answers {@code IN} and {@code INS}: as many reads of the one port as the instruction has elements. */
    void portRead(VcpuExit exit) {
        int port = exit.port();
        int sizeBytes = exit.sizeBytes();
        int count = exit.count();
        for (int i = 0; i < count; i++) {
            exit.setPortData(i, ports.read(port, sizeBytes));
        }
    }

    /** Carries out {@code OUT} and {@code OUTS}. */
    void portWrite(VcpuExit exit) {
        int port = exit.port();
        int sizeBytes = exit.sizeBytes();
        int count = exit.count();
        for (int i = 0; i < count; i++) {
            ports.write(port, sizeBytes, exit.portData(i));
        }
    }

    /** Answers a read of MMIO. */
    void mmioRead(VcpuExit exit) {
        exit.setMmioData(mmio.read(exit.mmioGpa(), exit.sizeBytes()));
    }

    /** Carries out a write to MMIO. */
    void mmioWrite(VcpuExit exit) {
        mmio.write(exit.mmioGpa(), exit.sizeBytes(), exit.mmioData());
    }
}

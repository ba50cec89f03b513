// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import org.junit.jupiter.api.Test;

import dev.isthmus.machine.accel.ExitKind;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.boot.InitialCpuState.Mode;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;

import static org.junit.jupiter.api.Assertions.assertEquals;

@RequiresKvm
class ExitKindsIT {
    @Test
    void outOfOneByteExitsWithPortAndValue() {
        GuestCode code = new GuestCode()
                .line("mov  $0x2a, %al", 0xb0, 0x2a)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.REAL);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.PORT_WRITE, exit.kind());
            assertEquals(0xf4, exit.port());
            assertEquals(1, exit.sizeBytes());
            assertEquals(1, exit.count());
            assertEquals(0x2a, exit.portData(0));
        }
    }
}

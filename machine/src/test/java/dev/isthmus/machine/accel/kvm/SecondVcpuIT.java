// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

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
class SecondVcpuIT {
    /** The page that a startup IPI of vector 0x11 starts at: right behind the first vCPU's code. */
    private static final int AP_OFFSET = 0x1000;

    @Test
    void initAndStartupIpiStartTheSecondVcpuInRealModeAtTheVector() throws Exception {
        GuestCode code = new GuestCode()
                .line32("mov  $0xfee00300, %esi", 0xfee0_0300L, 0xbe) // ICR, low half
                .line("movl $0x01000000, 0x10(%esi)", 0xc7, 0x46, 0x10, 0x00, 0x00, 0x00, 0x01) // to APIC 1
                .line("movl $0x4500, (%esi)", 0xc7, 0x06, 0x00, 0x45, 0x00, 0x00) // INIT, assert
                .line("movl $0x4611, (%esi)", 0xc7, 0x06, 0x11, 0x46, 0x00, 0x00) // STARTUP, vector 0x11
                .line("out  %al, $0xf4", 0xe6, 0xf4)
                .padTo(AP_OFFSET)
                .line("mov  %cs, %ax", 0x8c, 0xc8)
                .line("out  %ax, $0xf5", 0xe7, 0xf5);
        try (BareVm vm = BareVm.create(code, 2)) {
            BlockingQueue<String> seen = new ArrayBlockingQueue<>(1);
            Vcpu second = vm.vcpu(1);
            Thread thread = Thread.ofPlatform().start(() -> {
                second.attachThread();
                VcpuExit exit = second.run();
                while (exit.kind() == ExitKind.INTERRUPTED) {
                    exit = second.run();
                }
                seen.add(exit.kind() + " port " + exit.port() + " cs " + exit.portData(0));
                second.detachThread();
            });
            Vcpu first = vm.start(Mode.PROTECTED);

            assertEquals(ExitKind.PORT_WRITE, first.run().kind());

            String exit = seen.poll(BareVm.patience().toSeconds(), TimeUnit.SECONDS);
            assertEquals("PORT_WRITE port 245 cs " + 0x1100, exit);
            thread.join();
        }
    }
}

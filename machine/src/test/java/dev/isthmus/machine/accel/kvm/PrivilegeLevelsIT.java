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
class PrivilegeLevelsIT {
    private static final long MMIO_GPA = 0x1000_0000;

    @Test
    void longModeCodeAtCpl0Runs64BitInstructions() {
        GuestCode code = new GuestCode()
                .line("mov  $-1, %rax", 0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff)
                .line("shr  $1, %rax", 0x48, 0xd1, 0xe8)
                .line("mov  %rax, %r15", 0x49, 0x89, 0xc7)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);

            assertEquals(ExitKind.PORT_WRITE, vcpu.run().kind());

            assertEquals(Long.MAX_VALUE, vcpu.registers().general().get(15));
            assertEquals(0, vcpu.registers().segments().get("ss").dpl());
        }
    }

    @Test
    void codeAtCpl3RunsEveryInstructionSetAndItsMmioExits() {
        GuestCode code = new GuestCode()
                .line("mov  %cr4, %rax", 0x0f, 0x20, 0xe0)
                .line("or   $0x200, %eax", 0x0d, 0x00, 0x02, 0x00, 0x00) // OSFXSR
                .line("mov  %rax, %cr4", 0x0f, 0x22, 0xe0)
                .line("push $0x23", 0x6a, BareVm.USER_DATA)
                .line("push $0x8000", 0x68, 0x00, 0x80, 0x00, 0x00)
                .line("push $2", 0x6a, 0x02)
                .line("push $0x1b", 0x6a, BareVm.USER_CODE)
                .line32("push $user", BareVm.CODE_GPA + 0x40, 0x68)
                .line("iretq", 0x48, 0xcf)
                .padTo(0x40)
                .line32("mov  $0x10000000, %ebx", MMIO_GPA, 0xbb)
                .line("mov  $42, %eax", 0xb8, 0x2a, 0x00, 0x00, 0x00)
                .line("cvtsi2sd %eax, %xmm0", 0xf2, 0x0f, 0x2a, 0xc0)
                .line("addsd %xmm0, %xmm0", 0xf2, 0x0f, 0x58, 0xc0)
                .line("cvttsd2si %xmm0, %eax", 0xf2, 0x0f, 0x2c, 0xc0)
                .line("mov  %eax, (%rbx)", 0x89, 0x03);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.MMIO_WRITE, exit.kind(), exit.describe());
            assertEquals(MMIO_GPA, exit.mmioGpa());
            assertEquals(84, exit.mmioData());
            assertEquals(3, vcpu.registers().segments().get("ss").dpl());
        }
    }
}

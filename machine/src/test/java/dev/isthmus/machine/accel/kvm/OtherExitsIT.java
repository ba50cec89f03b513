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

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

@RequiresKvm
class OtherExitsIT {
    @Test
    void haltExitsWhereThereAreNoInterruptControllersToWaitFor() {
        GuestCode code = new GuestCode().line("hlt", 0xf4);
        try (BareVm vm = BareVm.create(code, 1, false)) {
            Vcpu vcpu = vm.start(Mode.REAL);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.HALT, exit.kind());
            assertEquals(1, vcpu.registers().rip());
        }
    }

    @Test
    void exceptionWithoutHandlersIsATripleFault() {
        GuestCode code = new GuestCode().line("ud2", 0x0f, 0x0b);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.SHUTDOWN, exit.kind());
        }
    }

    @Test
    void instructionFromWhereThereIsNoRamCannotBeContinued() {
        GuestCode code = new GuestCode()
                .line32("mov  $0x10000000, %eax", 0x1000_0000, 0xb8)
                .line("jmp  *%rax", 0xff, 0xe0);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.INTERNAL_ERROR, exit.kind());
            assertEquals(0x1000_0000, vcpu.registers().rip());
            assertTrue(exit.describe().startsWith("KVM_EXIT_INTERNAL_ERROR, suberror 1"), exit.describe());
        }
    }

    @Test
    void instructionThatTheInterpreterLacksIsReportedWithItsBytes() {
        GuestCode code = new GuestCode().line("fld1", 0xd9, 0xe8).line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            assumeTrue(vm.accelerator().interpretsKernelCode());
            Vcpu vcpu = vm.start(Mode.PROTECTED);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.INTERNAL_ERROR, exit.kind());
            byte[] bytes = exit.instructionBytes();
            assertTrue(bytes.length >= 2 && bytes.length <= 15, "bytes: " + bytes.length);
            assertArrayEquals(new byte[] {(byte) 0xd9, (byte) 0xe8}, new byte[] {bytes[0], bytes[1]});
        }
    }

    @Test
    void singleStepStopsAfterEachInstruction() {
        GuestCode code = new GuestCode()
                .line("nop", 0x90)
                .line("mov  $7, %eax", 0xb8, 0x07, 0x00, 0x00, 0x00)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.PROTECTED);
            vcpu.debug(true);

            VcpuExit exit = vcpu.run();
            assertEquals(ExitKind.DEBUG, exit.kind());
            assertEquals(BareVm.CODE_GPA + 1, exit.debugAddress());

            vcpu.run();
            assertEquals(ExitKind.DEBUG, exit.kind());
            assertEquals(BareVm.CODE_GPA + 6, exit.debugAddress());
            assertEquals(7L, vcpu.registers().general().get(0));
        }
    }

    @Test
    void breakpointStopsBeforeItsInstruction() {
        GuestCode code = new GuestCode()
                .line("nop", 0x90)
                .line("nop", 0x90)
                .line("inc  %eax", 0xff, 0xc0)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);
            vcpu.debug(false, BareVm.CODE_GPA + 2);

            VcpuExit exit = vcpu.run();

            assertEquals(ExitKind.DEBUG, exit.kind());
            assertEquals(BareVm.CODE_GPA + 2, exit.debugAddress());
            assertEquals(0L, vcpu.registers().general().get(0));
        }
    }

    @Test
    void instructionPointerThatIsNotCanonicalEndsTheVcpu() {
        GuestCode code = new GuestCode().line("nop", 0x90);
        try (BareVm vm = BareVm.create(code, 1)) {
            // Hardware refuses such a state; an interpreter finds out when it fetches, and the guest has no handlers.
            vm.start(Mode.LONG);
            Vcpu vcpu = vm.vcpu(0);
            vcpu.setInitialState(vm.stateAt(Mode.LONG, 0x8000_0000_0000_0000L));

            VcpuExit exit = vcpu.run();

            assertTrue(
                    exit.kind() == ExitKind.FAIL_ENTRY
                            || exit.kind() == ExitKind.SHUTDOWN
                            || exit.kind() == ExitKind.INTERNAL_ERROR,
                    exit.describe());
        }
    }
}

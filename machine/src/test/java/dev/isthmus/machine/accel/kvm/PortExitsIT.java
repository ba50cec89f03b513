// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.nio.charset.StandardCharsets;

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
class PortExitsIT {
    /** In real mode, in a segment that begins with the code: where string instructions have their data. */
    private static final int DATA_OFFSET = 0x400;

    private static void assertPortExit(ExitKind kind, int port, int sizeBytes, int count, VcpuExit exit) {
        assertEquals(kind, exit.kind());
        assertEquals(port, exit.port());
        assertEquals(sizeBytes, exit.sizeBytes());
        assertEquals(count, exit.count());
    }

    @Test
    void outOfEachWidthExitsWithPortAndZeroExtendedValue() {
        GuestCode code = new GuestCode()
                .line("mov  $0x89abcdef, %eax", 0x66, 0xb8, 0xef, 0xcd, 0xab, 0x89)
                .line("mov  $0x1234, %dx", 0xba, 0x34, 0x12)
                .line("out  %al, $0xf4", 0xe6, 0xf4)
                .line("out  %ax, (%dx)", 0xef)
                .line("out  %eax, (%dx)", 0x66, 0xef);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.REAL);

            VcpuExit exit = vcpu.run();
            assertPortExit(ExitKind.PORT_WRITE, 0xf4, 1, 1, exit);
            assertEquals(0xefL, exit.portData(0));

            vcpu.run();
            assertPortExit(ExitKind.PORT_WRITE, 0x1234, 2, 1, exit);
            assertEquals(0xcdefL, exit.portData(0));

            vcpu.run();
            assertPortExit(ExitKind.PORT_WRITE, 0x1234, 4, 1, exit);
            assertEquals(0x89ab_cdefL, exit.portData(0));
        }
    }

    @Test
    void inOfEachWidthGivesTheGuestItsBitsOfTheValueAndKeepsTheOthers() {
        GuestCode code = new GuestCode()
                .line("mov  $0x11111111, %eax", 0x66, 0xb8, 0x11, 0x11, 0x11, 0x11)
                .line("in   $0x60, %al", 0xe4, 0x60)
                .line("mov  %eax, %ebx", 0x66, 0x89, 0xc3)
                .line("in   $0x60, %ax", 0xe5, 0x60)
                .line("mov  %eax, %ecx", 0x66, 0x89, 0xc1)
                .line("in   $0x60, %eax", 0x66, 0xe5, 0x60)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.REAL);

            for (int sizeBytes = 1; sizeBytes <= 4; sizeBytes *= 2) {
                VcpuExit exit = vcpu.run();
                assertPortExit(ExitKind.PORT_READ, 0x60, sizeBytes, 1, exit);
                exit.setPortData(0, 0xffff_ffff_89ab_cdefL);
            }
            assertEquals(ExitKind.PORT_WRITE, vcpu.run().kind());

            assertEquals(0x1111_11efL, vcpu.registers().general().get(3));
            assertEquals(0x1111_cdefL, vcpu.registers().general().get(1));
            assertEquals(0x89ab_cdefL, vcpu.registers().general().get(0));
        }
    }

    @Test
    void repeatedOutsCarriesAllItsBytesInOrder() {
        String text = "string output of forty characters, exactly";
        GuestCode code = new GuestCode()
                .line("mov  $0x400, %si", 0xbe, 0x00, 0x04)
                .line("mov  $42, %cx", 0xb9, 0x2a, 0x00)
                .line("mov  $0x3f8, %dx", 0xba, 0xf8, 0x03)
                .line("rep outsb", 0xf3, 0x6e)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
            vm.memory().write(BareVm.CODE_GPA + DATA_OFFSET, bytes, 0, bytes.length);
            Vcpu vcpu = vm.start(Mode.REAL);

            StringBuilder seen = new StringBuilder();
            VcpuExit exit = vcpu.run();
            while (exit.port() == 0x3f8) {
                assertPortExit(ExitKind.PORT_WRITE, 0x3f8, 1, exit.count(), exit);
                for (int i = 0; i < exit.count(); i++) {
                    seen.append((char) exit.portData(i));
                }
                vcpu.run();
            }

            assertEquals(text, seen.toString());
        }
    }

    @Test
    void repeatedInsAsksForSeveralValuesAtOnceAndStoresThemInOrder() {
        GuestCode code = new GuestCode()
                .line("mov  $0x400, %di", 0xbf, 0x00, 0x04)
                .line("mov  $16, %cx", 0xb9, 0x10, 0x00)
                .line("mov  $0x1f0, %dx", 0xba, 0xf0, 0x01)
                .line("rep insw", 0xf3, 0x6d)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.REAL);

            int next = 0;
            int exits = 0;
            VcpuExit exit = vcpu.run();
            while (exit.kind() == ExitKind.PORT_READ) {
                assertPortExit(ExitKind.PORT_READ, 0x1f0, 2, exit.count(), exit);
                for (int i = 0; i < exit.count(); i++) {
                    exit.setPortData(i, 0x1000 + next++);
                }
                exits++;
                vcpu.run();
            }

            assertEquals(16, next);
            assertEquals(1, exits, "KVM reads ahead for INS: one exit for all");
            for (int i = 0; i < 16; i++) {
                assertEquals(0x1000 + i, vm.memory().readU16(BareVm.CODE_GPA + DATA_OFFSET + 2L * i));
            }
        }
    }

    @Test
    void finishInstructionCompletesAReadWithoutRunningTheNextInstruction() {
        GuestCode code = new GuestCode()
                .line("in   $0x60, %al", 0xe4, 0x60)
                .line("inc  %bx", 0x43)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.REAL);
            vcpu.run().setPortData(0, 0x5a);

            VcpuExit exit = vcpu.finishInstruction();

            assertEquals(ExitKind.INTERRUPTED, exit.kind());
            assertEquals(0x5aL, vcpu.registers().general().get(0) & 0xff);
            assertEquals(2, vcpu.registers().rip());
            assertEquals(0, vcpu.registers().general().get(3));
            assertPortExit(ExitKind.PORT_WRITE, 0xf4, 1, 1, vcpu.run());
        }
    }
}

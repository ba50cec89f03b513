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
class MmioExitsIT {
    /** Beyond RAM, within the first GiB that is mapped. */
    private static final long MMIO_GPA = 0x1000_0000;

    private static final int[] WIDTHS = {1, 2, 4, 8};

    private static GuestCode accesses() {
        return new GuestCode()
                .line("movabs $0x8877665544332211, %rax",
                        0x48, 0xb8, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88)
                .line32("mov  $0x10000000, %ebx", MMIO_GPA, 0xbb)
                .line("mov  %al, (%rbx)", 0x88, 0x03)
                .line("mov  %ax, 2(%rbx)", 0x66, 0x89, 0x43, 0x02)
                .line("mov  %eax, 4(%rbx)", 0x89, 0x43, 0x04)
                .line("mov  %rax, 8(%rbx)", 0x48, 0x89, 0x43, 0x08)
                .line("movzbl (%rbx), %ecx", 0x0f, 0xb6, 0x0b)
                .line("movzwl 2(%rbx), %edx", 0x0f, 0xb7, 0x53, 0x02)
                .line("mov  4(%rbx), %esi", 0x8b, 0x73, 0x04)
                .line("mov  8(%rbx), %rdi", 0x48, 0x8b, 0x7b, 0x08)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
    }

    @Test
    void writesOfEachWidthExitWithAddressAndZeroExtendedValue() {
        try (BareVm vm = BareVm.create(accesses(), 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);

            for (int sizeBytes : WIDTHS) {
                VcpuExit exit = vcpu.run();

                assertEquals(ExitKind.MMIO_WRITE, exit.kind());
                assertEquals(sizeBytes, exit.sizeBytes());
                assertEquals(MMIO_GPA + (sizeBytes == 1 ? 0 : sizeBytes), exit.mmioGpa());
                assertEquals(0x8877_6655_4433_2211L & (-1L >>> (Long.SIZE - 8 * sizeBytes)), exit.mmioData());
            }
        }
    }

    @Test
    void readsOfEachWidthGiveTheGuestTheValue() {
        try (BareVm vm = BareVm.create(accesses(), 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);
            for (int i = 0; i < WIDTHS.length; i++) {
                vcpu.run();
            }

            for (int sizeBytes : WIDTHS) {
                VcpuExit exit = vcpu.run();
                assertEquals(ExitKind.MMIO_READ, exit.kind());
                assertEquals(sizeBytes, exit.sizeBytes());
                assertEquals(MMIO_GPA + (sizeBytes == 1 ? 0 : sizeBytes), exit.mmioGpa());
                exit.setMmioData(0xfedc_ba98_7654_3210L);
            }
            assertEquals(ExitKind.PORT_WRITE, vcpu.run().kind());

            assertEquals(0x10L, vcpu.registers().general().get(1));
            assertEquals(0x3210L, vcpu.registers().general().get(2));
            assertEquals(0x7654_3210L, vcpu.registers().general().get(6));
            assertEquals(0xfedc_ba98_7654_3210L, vcpu.registers().general().get(7));
        }
    }

    @Test
    void accessThatIsSplitAtAPageEndComesInTwoExits() {
        GuestCode code = new GuestCode()
                .line32("mov  $0x44332211, %eax", 0x4433_2211, 0xb8)
                .line32("mov  %eax, 0x10000ffd", MMIO_GPA + 0xffd, 0x89, 0x04, 0x25)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (BareVm vm = BareVm.create(code, 1)) {
            Vcpu vcpu = vm.start(Mode.LONG);

            VcpuExit exit = vcpu.run();
            assertEquals(ExitKind.MMIO_WRITE, exit.kind());
            assertEquals(MMIO_GPA + 0xffd, exit.mmioGpa());
            assertEquals(3, exit.sizeBytes());
            assertEquals(0x33_2211, exit.mmioData());

            vcpu.run();
            assertEquals(ExitKind.MMIO_WRITE, exit.kind());
            assertEquals(MMIO_GPA + 0x1000, exit.mmioGpa());
            assertEquals(1, exit.sizeBytes());
            assertEquals(0x44, exit.mmioData());
        }
    }
}

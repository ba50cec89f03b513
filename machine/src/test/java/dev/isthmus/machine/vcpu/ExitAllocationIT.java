// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import org.junit.jupiter.api.Test;

import dev.isthmus.device.BusDevice;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.boot.InitialCpuState.Mode;
import dev.isthmus.machine.bus.Bus;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What runs for every exit and notification leaves nothing to the garbage collector. */
@RequiresKvm
class ExitAllocationIT {
    private static final int PORT = 0x80;
    private static final long MMIO_GPA = 0x1000_0000;
    private static final int ROUNDS = 1_000;
    private static final int EXITS_A_ROUND = 4;

    /** Answers with what was written last. */
    private static final class Latch implements BusDevice {
        private long value;
        private int accesses;

        @Override
        public long read(long offset, int sizeBytes) {
            accesses++;
            return value;
        }

        @Override
        public void write(long offset, int sizeBytes, long newValue) {
            accesses++;
            value = newValue;
        }
    }

    @Test
    void exitsAndEventsAllocateNothing() {
        GuestCode code = new GuestCode()
                .line32("mov  $0x10000000, %ebx", MMIO_GPA, 0xbb)
                .line("out  %al, $0x80", 0xe6, PORT)
                .line("in   $0x80, %al", 0xe4, PORT)
                .line("mov  %eax, (%rbx)", 0x89, 0x03)
                .line("mov  (%rbx), %eax", 0x8b, 0x03)
                .line("jmp  out", 0xeb, 0xf6);
        Latch device = new Latch();
        ExitDispatcher dispatcher = new ExitDispatcher(
                new Bus.Builder().add("port", PORT, 1, device).build(),
                new Bus.Builder().add("register", MMIO_GPA, 4, device).build());
        try (BareVm vm = BareVm.create(code, 1);
                EventFd event = EventFd.create()) {
            Vcpu vcpu = vm.start(Mode.LONG);

            Allocations.assertNoneOnceWarm(ROUNDS * EXITS_A_ROUND, () -> {
                for (int i = 0; i < ROUNDS * EXITS_A_ROUND; i++) {
                    dispatch(dispatcher, vcpu.run());
                    event.signal();
                    assertEquals(1, event.drain());
                }
            });

            assertTrue(device.accesses >= ROUNDS * EXITS_A_ROUND, "every exit was an access");
            assertEquals(0, device.accesses % EXITS_A_ROUND);
        }
    }

    private static void dispatch(ExitDispatcher dispatcher, VcpuExit exit) {
        switch (exit.kind()) {
            case PORT_WRITE -> dispatcher.portWrite(exit);
            case PORT_READ -> dispatcher.portRead(exit);
            case MMIO_WRITE -> dispatcher.mmioWrite(exit);
            case MMIO_READ -> dispatcher.mmioRead(exit);
            default -> throw new AssertionError("unexpected exit");
        }
    }
}

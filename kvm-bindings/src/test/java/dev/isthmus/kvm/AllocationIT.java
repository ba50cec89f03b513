// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.management.ManagementFactory;

import com.sun.management.ThreadMXBean;
import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** What runs for every exit and notification leaves nothing to the garbage collector. */
@RequiresKvm
class AllocationIT {
    private static final int ATTEMPTS = 50;
    private static final int ROUNDS = 5_000;

    @Test
    void exitsAndEventsAllocateNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (RealModeGuest guest =
                        RealModeGuest.bare(
                                "e6 80", // out 0x80, al
                                "eb fc"); // jmp to the out
                EventFd event = EventFd.create()) {
            long allocatedBytes = Long.MAX_VALUE;
            // The interpreter boxes what compiled code does not, and on a busy machine the compiler takes its time: what
            // counts is that it comes to nothing, and not after how many exits.
            for (int i = 0; i < ATTEMPTS && allocatedBytes >= ROUNDS; i++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                exits(guest, event, ROUNDS);
                allocatedBytes = threads.getCurrentThreadAllocatedBytes() - before;
            }

            // Asking for the number allocates a little itself.
            assertEquals(0, allocatedBytes / ROUNDS, allocatedBytes + " bytes");
        }
    }

    private static void exits(RealModeGuest guest, EventFd event, int rounds) {
        KvmRun exit = guest.kvmRun();
        for (int i = 0; i < rounds; i++) {
            assertEquals(0, guest.vcpu().run());
            assertEquals(ExitReason.KVM_EXIT_IO, exit.exitReason());
            assertEquals(0x80, exit.ioPort());
            assertEquals(0, exit.ioData(0) & ~0xff);
            event.signal();
            assertEquals(1, event.drain());
        }
    }
}

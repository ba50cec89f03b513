// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.Signals;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Kicks of a running vCPU, at any time, of which none may be lost. */
@RequiresKvm
class KickIT {
    private static final int KICKS = 10_000;
    private static final int MAX_DELAY_NANOS = 60_000;
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long SEED = 42;

    /** What the guest does when the kick comes. */
    enum Activity {
        SPINS("eb fe"), // jmp $
        HALTS("f4"); // hlt, which waits in the kernel for an interrupt

        private final String code;

        Activity(String code) {
            this.code = code;
        }
    }

    /** The thread of a vCPU, which counts the kicks that made KVM_RUN return. */
    private static final class Runner extends Thread {
        private final VcpuFd vcpu;
        private final boolean immediateExit;
        private volatile int threadId;
        private final AtomicInteger kicksSeen = new AtomicInteger();
        private volatile boolean stop;
        private long otherExits;

        Runner(VcpuFd vcpu, boolean immediateExit) {
            this.vcpu = vcpu;
            this.immediateExit = immediateExit;
        }

        @Override
        public void run() {
            long blockedBefore = Signals.block(Signals.bit(Signals.KICK_SIGNAL));
            vcpu.setSignalMask(blockedBefore & ~Signals.bit(Signals.KICK_SIGNAL));
            threadId = Signals.currentThreadId();
            while (!stop) {
                if (vcpu.run() == Errno.EINTR) {
                    // First the flag, then the signal: a kick that comes in between leaves its signal
                    // pending.
                    vcpu.kvmRun().immediateExit(false);
                    if (Signals.consume(Signals.KICK_SIGNAL)) {
                        kicksSeen.incrementAndGet();
                    }
                } else {
                    otherExits++;
                }
            }
        }

        void kick() {
            if (immediateExit) {
                vcpu.kvmRun().immediateExit(true);
            }
            Signals.sendToThread(threadId, Signals.KICK_SIGNAL);
        }
    }

    private static void assertNoKickIsLost(Activity activity, boolean immediateExit)
            throws InterruptedException {
        try (RealModeGuest guest = RealModeGuest.withIrqchip(activity.code)) {
            Runner runner = new Runner(guest.vcpu(), immediateExit);
            runner.start();
            while (runner.threadId == 0) {
                Thread.onSpinWait();
            }
            SplittableRandom random = new SplittableRandom(SEED);

            for (int kick = 1; kick <= KICKS; kick++) {
                spin(random.nextInt(MAX_DELAY_NANOS));
                runner.kick();
                awaitKicks(runner, kick);
            }

            runner.stop = true;
            runner.kick();
            runner.join(TimeUnit.NANOSECONDS.toMillis(DEADLINE_NANOS));
            assertFalse(runner.isAlive(), "the last kick was lost");
            assertEquals(0, runner.otherExits);
        }
    }

    private static void spin(int nanos) {
        long until = System.nanoTime() + nanos;
        while (System.nanoTime() < until) {
            Thread.onSpinWait();
        }
    }

    private static void awaitKicks(Runner runner, int expected) {
        long deadlineNanos = System.nanoTime() + DEADLINE_NANOS;
        while (runner.kicksSeen.get() < expected) {
            if (System.nanoTime() > deadlineNanos) {
                throw new AssertionError("kick " + expected + " was lost");
            }
            LockSupport.parkNanos(1);
        }
        assertEquals(expected, runner.kicksSeen.get(), "KVM_RUN returned without a kick");
    }

    @ParameterizedTest
    @EnumSource
    void noKickByImmediateExitAndSignalIsLost(Activity activity) throws InterruptedException {
        assertNoKickIsLost(activity, true);
    }

    @ParameterizedTest
    @EnumSource
    void noKickBySignalAloneIsLost(Activity activity) throws InterruptedException {
        assertNoKickIsLost(activity, false);
    }

    @Test
    void pendingKickKeepsTheGuestFromRunningUntilConsumed() throws InterruptedException {
        int[] results = new int[3];
        try (RealModeGuest guest = RealModeGuest.bare("f4")) { // hlt
            Thread thread =
                    new Thread(
                            () -> {
                                long before = Signals.block(Signals.bit(Signals.KICK_SIGNAL));
                                guest.vcpu().setSignalMask(before & ~Signals.bit(Signals.KICK_SIGNAL));
                                Signals.sendToThread(Signals.currentThreadId(), Signals.KICK_SIGNAL);

                                results[0] = guest.vcpu().run();
                                results[1] = guest.vcpu().run();
                                Signals.consume(Signals.KICK_SIGNAL);
                                results[2] = guest.vcpu().run();
                            });
            thread.start();
            thread.join();

            assertEquals(Errno.EINTR, results[0]);
            assertEquals(Errno.EINTR, results[1]);
            assertEquals(0, results[2]);
            assertEquals(ExitReason.KVM_EXIT_HLT, guest.kvmRun().exitReason());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.boot.KernelFormat;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.testing.machine.GuestKernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

@RequiresKvm
@Timeout(120)
class MachineLifecycleIT {
    /** Where {@link #counter} counts: DS is 0x1000. */
    private static final long COUNTER_GPA = BareVm.CODE_GPA + 0x2000;

    @TempDir
    Path directory;

    private Machine create(GuestCode code) throws Exception {
        return Machine.create(MachineConfig.builder(GuestKernel.flat(directory, code))
                .kernelFormat(KernelFormat.FLAT)
                .memoryBytes(16 << 20)
                .debugExitPort(0xf4)
                .build());
    }

    private static GuestCode counter() {
        return new GuestCode()
                .line("incl 0x2000", 0x66, 0xff, 0x06, 0x00, 0x20)
                .line("jmp  start", 0xeb, 0xf9);
    }

    private static GuestCode exitsAllTheTime() {
        return new GuestCode()
                .line("in   $0x64, %al", 0xe4, 0x64)
                .line("incl 0x2000", 0x66, 0xff, 0x06, 0x00, 0x20)
                .line("jmp  start", 0xeb, 0xf7);
    }

    private static GuestCode haltsForEver() {
        return new GuestCode()
                .line("incl 0x2000", 0x66, 0xff, 0x06, 0x00, 0x20)
                .line("cli", 0xfa)
                .line("hlt", 0xf4)
                .line("jmp  start", 0xeb, 0xf7);
    }

    private static void awaitCounterBeyond(Machine machine, long value) {
        long deadlineNanos = System.nanoTime() + BareVm.patience().toNanos();
        while (machine.memory().readU32(COUNTER_GPA) <= value) {
            if (System.nanoTime() - deadlineNanos > 0) {
                throw new AssertionError("The guest does not get on");
            }
            Thread.onSpinWait();
        }
    }

    @Test
    void pausedGuestStandsStillAndGoesOnWhenResumed() throws Exception {
        try (Machine machine = create(counter())) {
            machine.start();
            awaitCounterBeyond(machine, 0);

            machine.pause();

            assertEquals(MachineState.PAUSED, machine.state());
            long before = machine.memory().readU32(COUNTER_GPA);
            assertNull(machine.awaitExit(Duration.ofMillis(20)));
            assertEquals(before, machine.memory().readU32(COUNTER_GPA));

            machine.resume();

            assertEquals(MachineState.RUNNING, machine.state());
            awaitCounterBeyond(machine, before);
        }
    }

    @Test
    void haltedGuestCanBePausedAndStopped() throws Exception {
        try (Machine machine = create(haltsForEver())) {
            machine.start();
            awaitCounterBeyond(machine, 0);

            machine.pause();
            machine.resume();
            machine.stop();

            assertEquals(new MachineExit.Stopped(), machine.awaitExit(Duration.ZERO));
        }
    }

    @Test
    void noKickIsLostAgainstAGuestThatExitsAllTheTime() throws Exception {
        try (Machine machine = create(exitsAllTheTime())) {
            machine.start();
            for (int i = 0; i < 3000; i++) {
                machine.pause();
                long before = machine.memory().readU32(COUNTER_GPA);
                machine.resume();
                if (i % 100 == 0) {
                    awaitCounterBeyond(machine, before);
                }
            }
        }
    }

    @Test
    void noKickIsLostAgainstAGuestThatNeverExits() throws Exception {
        try (Machine machine = create(counter())) {
            machine.start();
            for (int i = 0; i < 3000; i++) {
                machine.pause();
                machine.resume();
            }
        }
    }

    @Test
    void stopFromAnotherThreadEndsAGuestThatNeverExits() throws Exception {
        try (Machine machine = create(counter())) {
            machine.start();
            awaitCounterBeyond(machine, 0);

            Thread stopper = Thread.ofPlatform().start(machine::stop);

            assertEquals(new MachineExit.Stopped(), machine.awaitExit(BareVm.patience()));
            stopper.join();
            assertEquals(MachineState.ENDED, machine.state());
        }
    }

    @Test
    void resetStartsTheGuestAnewWithClearedMemory() throws Exception {
        try (Machine machine = create(counter())) {
            machine.start();
            awaitCounterBeyond(machine, 100);
            machine.memory().writeU64(8 << 20, 0x1234);
            machine.pause();

            machine.reset();

            assertEquals(0, machine.memory().readU64(8 << 20));
            assertEquals(0, machine.memory().readU32(COUNTER_GPA));
            assertEquals(MachineState.PAUSED, machine.state());
            machine.resume();
            awaitCounterBeyond(machine, 100);
        }
    }

    @Test
    void resetsFromOtherThreadsAmongPausesLeaveARunningGuest() throws Exception {
        try (Machine machine = create(exitsAllTheTime())) {
            machine.start();
            List<Thread> threads = new ArrayList<>();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            for (int t = 0; t < 3; t++) {
                boolean resets = t == 0;
                threads.add(Thread.ofPlatform().uncaughtExceptionHandler((thread, e) -> failure.set(e)).start(() -> {
                    for (int i = 0; i < 20; i++) {
                        if (resets) {
                            machine.reset();
                        } else {
                            machine.pause();
                            machine.resume();
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }

            assertNull(failure.get());
            assertNull(machine.awaitExit(Duration.ZERO));
            awaitCounterBeyond(machine, machine.memory().readU32(COUNTER_GPA));
        }
    }

    @Test
    void guestThatResetsItselfFindsClearedMemoryEachTime() throws Exception {
        // Counts its starts in the RTC's memory, which a reset leaves alone, and resets itself three times.
        GuestCode code = new GuestCode()
                .line("mov  $0x50, %al", 0xb0, 0x50)
                .line("out  %al, $0x70", 0xe6, 0x70)
                .line("in   $0x71, %al", 0xe4, 0x71)
                .line("cmp  $3, %al", 0x3c, 0x03)
                .line("je   done", 0x74, 0x0d)
                .line("inc  %al", 0xfe, 0xc0)
                .line("out  %al, $0x71", 0xe6, 0x71)
                .line("incb 0x2000", 0xfe, 0x06, 0x00, 0x20)
                .line("mov  $0xfe, %al", 0xb0, 0xfe)
                .line("out  %al, $0x64", 0xe6, 0x64)
                .line("hlt", 0xf4)
                .line("done: mov 0x2000, %al", 0xa0, 0x00, 0x20)
                .line("add  $0x10, %al", 0x04, 0x10)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (Machine machine = create(code)) {
            machine.start();

            assertEquals(new MachineExit.DebugExit(0x10), machine.awaitExit(BareVm.patience()));
        }
    }

    @Test
    void machinesSideBySideEndEachWithItsOwnExit() throws Exception {
        List<Machine> machines = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                machines.add(create(new GuestCode()
                        .line("mov  $i, %al", 0xb0, i)
                        .line("out  %al, $0xf4", 0xe6, 0xf4)));
            }
            for (Machine machine : machines) {
                machine.start();
            }
            for (int i = 0; i < 4; i++) {
                assertEquals(
                        new MachineExit.DebugExit(i), machines.get(i).awaitExit(BareVm.patience()));
            }
        } finally {
            for (Machine machine : machines) {
                machine.close();
            }
        }
    }

    @Test
    void callsOutOfOrderAreRefusedOrIgnored() throws Exception {
        Machine machine = create(counter());
        assertEquals(MachineState.CREATED, machine.state());
        assertThrows(IllegalStateException.class, machine::pause);
        assertThrows(IllegalStateException.class, machine::reset);
        machine.start();
        assertThrows(IllegalStateException.class, machine::start);
        machine.resume();
        machine.stop();
        machine.stop();
        machine.pause();
        machine.reset();
        assertEquals(MachineState.ENDED, machine.state());
        machine.close();
        machine.close();
        machine.powerButton();
        assertEquals(MachineState.CLOSED, machine.state());
        assertEquals(new MachineExit.Stopped(), machine.awaitExit(Duration.ZERO));
    }

    @Test
    void machineThatWasNeverStartedCanBeClosed() throws Exception {
        Machine machine = create(counter());

        machine.close();

        assertEquals(new MachineExit.Stopped(), machine.awaitExit(Duration.ZERO));
    }
}

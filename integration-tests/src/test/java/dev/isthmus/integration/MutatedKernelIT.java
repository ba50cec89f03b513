// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.testing.boot.Mutations;
import dev.isthmus.testing.boot.TestElf;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Damaged kernels: each is refused with a word to the user, or runs as a guest and does whatever it does. Nothing that is
 * ours fails, and every VM ends when it is told to.
 */
@RequiresKvm
class MutatedKernelIT {
    private static final int MUTATIONS = 10_000;
    private static final long SEED = 20261122;

    /** How long a mutant may run: those that do not end at once loop or halt, which tells nothing more. */
    private static final Duration LIFE = Duration.ofMillis(20);

    /** Several VMs at a time: making and closing one is mostly waiting for grace periods of the host's kernel. */
    private static final int WORKERS = 8;

    @TempDir
    Path folder;

    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger ran = new AtomicInteger();

    /** Touches memory, a port, MMIO and the stack, so that damaged code has something to get wrong. */
    private static byte[] original() {
        GuestCode code = new GuestCode()
                .line32("mov  $0x300000, %esp", 0x30_0000, 0xbc)
                .line32("mov  $0xfeb00000, %eax", MachineLayout.VIRTIO_MMIO_GPA, 0xb8)
                .line("mov  (%eax), %ecx", 0x8b, 0x08)
                .line("push %ecx", 0x51)
                .line("mov  $0x3f8, %dx", 0x66, 0xba, 0xf8, 0x03)
                .line("mov  $0x21, %al", 0xb0, 0x21)
                .line("out  %al, %dx", 0xee)
                .line("pop  %ecx", 0x59)
                .line("mov  $0x07, %al", 0xb0, 0x07)
                .line("out  %al, $0xf4", 0xe6, MachineLayout.DEBUG_EXIT_PORT);
        return TestElf.pvh(code.bytes());
    }

    @Test
    void damagedKernelIsRefusedOrFailsAsAGuest() throws Exception {
        byte[] original = original();
        Mutations mutations = new Mutations(original, SEED);
        ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
        try {
            List<Future<?>> batches = new ArrayList<>();
            for (int worker = 0; worker < WORKERS; worker++) {
                int first = worker;
                batches.add(workers.submit((Callable<Void>) () -> {
                    for (int i = first; i < MUTATIONS; i += WORKERS) {
                        run(i, mutations.mutation(i));
                    }
                    return null;
                }));
            }
            for (Future<?> batch : batches) {
                batch.get();
            }
        } finally {
            workers.shutdownNow();
        }

        assertEquals(MUTATIONS, refused.get() + ran.get());
        assertTrue(refused.get() > MUTATIONS / 10, () -> "refused: " + refused);
        assertTrue(ran.get() > MUTATIONS / 10, () -> "ran: " + ran);
    }

    private void run(int number, byte[] image) throws IOException, InterruptedException {
        Path kernel = folder.resolve("mutant-" + number);
        Files.write(kernel, image);
        try (Vm vm = Vm.builder()
                .kernel(kernel)
                .memory("16M")
                .noReboot()
                .debugExit(MachineLayout.DEBUG_EXIT_PORT)
                .start()) {
            VmResult result = vm.awaitExit(LIFE);
            ran.incrementAndGet();
            if (result instanceof VmResult.TimedOut) {
                vm.stop();
            }
        } catch (VmException.Configuration e) {
            assertTrue(e.getMessage() != null && e.getMessage().contains("mutant-" + number), e::toString);
            refused.incrementAndGet();
        } catch (RuntimeException e) {
            throw new AssertionError("Mutation " + number + " of seed " + SEED, e);
        } finally {
            Files.delete(kernel);
        }
    }
}

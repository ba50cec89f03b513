// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.FakeIrqLine;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.MmioDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Hostile and concurrent register accesses: nothing is thrown, and a reset brings a working device back. */
@Timeout(60)
class MmioTransportThreadsTest {
    private static final int FUZZ_WRITES = 20_000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final ManualEventLoop loop = new ManualEventLoop();
    private final RecordingDevice device = new RecordingDevice();
    private final MmioTransport transport =
            new MmioTransport(device, memory, loop, new FakeIrqLine(), "test");

    private void assertWorksAfterReset() {
        MmioDriver driver = new MmioDriver(transport);
        assertTrue(driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        device.takeCalls();
        driver.setUpQueue(0, new QueueDriver(memory, 0x1000, 8, false));
        driver.driverOk();
        assertEquals(List.of("activate 0x0", "start 0 8", "notified 0"), device.takeCalls());
    }

    private static void fuzz(MmioTransport transport, Random random, int writes) {
        for (int i = 0; i < writes; i++) {
            long offset = random.nextInt(4) == 0 ? random.nextInt(0x200) : 4L * random.nextInt(0x40);
            int size = random.nextInt(8) == 0 ? 1 + random.nextInt(8) : 4;
            long value =
                    switch (random.nextInt(4)) {
                        case 0 -> random.nextLong();
                        case 1 -> random.nextInt(16);
                        case 2 -> 0x1000L * random.nextInt(16);
                        default -> 1L << random.nextInt(64);
                    };
            if (random.nextBoolean()) {
                transport.write(offset, size, value);
            } else {
                transport.read(offset, size);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void randomAccessesThrowNothingAndLeaveAResettableDevice(long seed) {
        Random random = new Random(seed);
        MmioDriver driver = new MmioDriver(transport);
        for (int i = 0; i < 20; i++) {
            // From a live device, so that what can only go wrong there is reached.
            driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1 | VirtioFeatures.VIRTIO_F_RING_RESET);
            driver.setUpQueue(1, new QueueDriver(memory, 0x1000, 8, false));
            driver.driverOk();
            fuzz(transport, random, FUZZ_WRITES / 20);
            loop.runReady();
        }

        assertWorksAfterReset();
    }

    @Test
    void randomAccessesFromSeveralCpusThrowNothingAndLeaveAResettableDevice() throws InterruptedException {
        int cpus = 3;
        CountDownLatch running = new CountDownLatch(cpus);
        Throwable[] failures = new Throwable[cpus];
        Thread[] threads = new Thread[cpus];
        for (int i = 0; i < cpus; i++) {
            int cpu = i;
            threads[i] = new Thread(() -> {
                try {
                    fuzz(transport, new Random(100 + cpu), FUZZ_WRITES);
                } catch (Throwable t) {
                    failures[cpu] = t;
                } finally {
                    running.countDown();
                }
            });
            threads[i].start();
        }
        while (running.getCount() > 0) {
            loop.runReady();
            Thread.onSpinWait();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        loop.runReady();

        for (Throwable failure : failures) {
            if (failure != null) {
                throw new AssertionError(failure);
            }
        }
        assertWorksAfterReset();
    }

    @Test
    void statusWriteOfAnotherThreadReturnsOnlyAfterTheLoopHasDoneIt() throws InterruptedException {
        MmioDriver driver = new MmioDriver(transport);
        driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1);
        int[] seen = new int[1];
        Thread cpu = new Thread(() -> {
            driver.driverOk();
            seen[0] = driver.status();
        });
        cpu.start();
        while (cpu.isAlive()) {
            loop.runReady();
            Thread.onSpinWait();
        }
        cpu.join();

        assertEquals(DeviceStatus.DRIVER_OK, seen[0] & DeviceStatus.DRIVER_OK);
        assertEquals(List.of("activate 0x0"), device.takeCalls());
    }
}

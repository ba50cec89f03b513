// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.pci.PciConfigPorts;
import dev.isthmus.machine.pci.PciHost;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.machine.FakeAccelerator;
import dev.isthmus.testing.machine.PciGuest;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PciDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.block.VirtioBlk;
import dev.isthmus.virtio.block.VirtioBlkOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Two hostile vCPUs that access configuration space, ports and BARs at random, at the same time. Nothing is thrown, what is
 * held of the host stays within bounds, and after a reset of the machine the disks work.
 */
@Timeout(120)
class PciFuzzTest {
    private static final int DEVICES = 3;
    private static final int QUEUES = 2;
    private static final int ACCESSES = 30_000;
    private static final int CPUS = 2;
    private static final PciWindows WINDOWS = new PciWindows(0x4_0000_0000L, 1L << 32);

    private final FakeAccelerator accelerator = new FakeAccelerator();
    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x4_0000);
    private final List<Throwable> bugs = new CopyOnWriteArrayList<>();

    /** One access, mostly to places where there is something, mostly of a width that is taken. */
    private static void access(PciGuest guest, Random random) {
        int sizeBytes = 1 << random.nextInt(4);
        long value = switch (random.nextInt(5)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(16);
            case 2 -> -1L;
            case 3 -> 0xfee0_0000L;
            default -> 1L << random.nextInt(64);
        };
        if (random.nextInt(8) == 0) {
            boolean address = random.nextBoolean();
            long port = (long) PciConfigPorts.PORT + (address ? 0 : 4 + random.nextInt(4));
            int portBytes = address ? 4 : 1 << random.nextInt(3);
            long data = address ? 1L << 31 | random.nextInt(1 << 14) : value;
            if (random.nextInt(4) == 0) {
                guest.ports().read(port, portBytes);
            } else {
                guest.ports().write(port, portBytes, data & (-1L >>> (64 - portBytes * 8)));
            }
            return;
        }
        int device = random.nextInt(DEVICES + 2);
        long gpa = random.nextInt(3) == 0
                ? MachineLayout.PCI_ECAM_GPA + ((long) device << 15) + random.nextInt(0x110)
                : place(device, random) + offset(random);
        if (random.nextInt(3) == 0) {
            guest.mmio().read(gpa, sizeBytes);
        } else {
            guest.mmio().write(gpa, sizeBytes, value & (-1L >>> (64 - sizeBytes * 8)));
        }
    }

    /** Where a BAR may be: few places, so that they meet and are met. */
    private static long place(int slot, Random random) {
        long base = random.nextInt(4) == 0 ? WINDOWS.gpa64() : MachineLayout.PCI_MMIO32_GPA;
        return base + slot * 0x8000L;
    }

    private static long offset(Random random) {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt(0x8000);
            case 1 -> 0x1000;
            case 2 -> 0x3000 + random.nextInt(16);
            case 3 -> 0x4000 + 4L * random.nextInt(4 * (QUEUES + 1));
            default -> random.nextInt(64);
        };
    }

    /** What drivers do now and then, so that more than configuration is reached. */
    private static void drive(PciGuest guest, Random random) {
        int device = 1 + random.nextInt(DEVICES);
        guest.setBar(device, place(device, random));
        guest.enable(device);
        guest.enableMsix(device, random.nextInt(QUEUES + 1), random.nextInt(256));
    }

    private Thread cpu(PciGuest guest, long seed, List<Throwable> thrown) {
        return new Thread(() -> {
            Random random = new Random(seed);
            try {
                for (int i = 0; i < ACCESSES; i++) {
                    if (i % 50 == 0) {
                        drive(guest, random);
                    }
                    access(guest, random);
                }
            } catch (Throwable t) {
                thrown.add(t);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void randomAccessesOfTwoCpusThrowNothingStayBoundedAndEndWithAReset(long seed) throws InterruptedException {
        IoThread loop = IoThread.start("pci-fuzz", bugs::add);
        PciHost host = new PciHost(accelerator, WINDOWS);
        PciGuest guest = new PciGuest(host);
        List<PciSlot> slots = new ArrayList<>();
        for (int i = 0; i < DEVICES; i++) {
            VirtioBlk device = new VirtioBlk(
                    new MemoryBlockBackend(1 << 16, false), BlockRequest::run, new VirtioBlkOptions("", QUEUES, 16), "fuzz");
            slots.add(PciSlot.attach(host, "fuzz", device, memory, loop));
        }

        List<Thread> cpus = new ArrayList<>();
        for (int i = 0; i < CPUS; i++) {
            cpus.add(cpu(guest, 1000 * seed + i, bugs));
        }
        cpus.forEach(Thread::start);
        for (Thread cpu : cpus) {
            cpu.join();
        }

        assertEquals(List.of(), bugs);
        assertTrue(accelerator.notifiedGpas().size() <= DEVICES * QUEUES);
        assertTrue(accelerator.routes().size() <= DEVICES * (QUEUES + 1));
        slots.forEach(PciSlot::reset);
        host.reset();
        assertEquals(List.of(), accelerator.notifiedGpas());
        for (int device = 1; device <= DEVICES; device++) {
            assertWorks(guest, device, loop);
        }
        slots.forEach(PciSlot::reset);
        slots.forEach(PciSlot::close);
        host.close();
        loop.close();
        assertEquals(List.of(), bugs);
        assertTrue(accelerator.routes().stream().allMatch(FakeAccelerator.Route::closed));
    }

    private void assertWorks(PciGuest guest, int device, IoThread loop) {
        guest.enable(device);
        PciDriver driver = guest.driver(device, false);
        assertTrue(driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        QueueDriver queue = new QueueDriver(memory, 0x1000, 16, false);
        driver.setUpQueue(0, queue);
        driver.driverOk();
        // A flush, which the device refuses without its feature: what counts is that it answers.
        memory.writeU32(0x8000, 4);
        queue.offer(Buffer.readable(0x8000, 16), Buffer.writable(0x8100, 1));
        driver.notifyQueue(0);
        for (int i = 0; i < 3; i++) {
            loop.call(() -> {});
        }
        assertTrue(queue.pollUsed());
        assertEquals(1, driver.takeIsr());
    }
}

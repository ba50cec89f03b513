// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.bus.Bus;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.pci.PciConfigPorts;
import dev.isthmus.machine.pci.PciHost;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
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
 * Fuzzes a PCI bus with two disks on it: configuration space by both ways, BARs wherever they are, MSI-X, and the disks'
 * registers in them. Afterwards, a reset of the machine takes all back to its start, and a disk works.
 *
 * <pre>
 *  input   steps: a kind of access, its place, width and value
 * </pre>
 */
public final class PciFuzzTarget {
    private static final int DEVICES = 2;
    private static final int QUEUES = 2;
    private static final int QUEUE_SIZE = 8;
    private static final int BAR_BYTES = 0x8000;
    private static final int STEPS_MAX = 500;
    private static final PciWindows WINDOWS = new PciWindows(0x4_0000_0000L, 1L << 32);
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    // Kept from input to input: a thread and eventfds for each would be most of the work.
    private static final FakeAccelerator ACCELERATOR = new FakeAccelerator();
    private static final GuestMemory MEMORY = FakeGuestMemory.ofBytes(0x1_0000);
    private static final List<Throwable> BUGS = new CopyOnWriteArrayList<>();
    private static final IoThread LOOP = IoThread.start("pci-fuzz", BUGS::add);
    private static final PciHost HOST = new PciHost(ACCELERATOR, WINDOWS);
    private static final List<PciSlot> SLOTS = new ArrayList<>();
    private static final PciGuest GUEST = new PciGuest(HOST);

    static {
        for (int i = 0; i < DEVICES; i++) {
            VirtioBlk device = new VirtioBlk(
                    new MemoryBlockBackend(1 << 16, false),
                    BlockRequest::run,
                    new VirtioBlkOptions("", QUEUES, QUEUE_SIZE),
                    "fuzz");
            SLOTS.add(PciSlot.attach(HOST, "fuzz", device, MEMORY, LOOP));
        }
    }

    private final FuzzInput input;

    private PciFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new PciFuzzTarget(bytes).run());
    }

    /** Returns a driver's way from configuration space to an interrupt, and a BAR that moves meanwhile. */
    public static List<byte[]> seeds() {
        return List.of(
                new byte[] {0, 0, 4, 0, 1, 6, 0, 0, 3, 0x14, 0, 0, 0, 5, 0, 1, 7, 0, 6, 0},
                new byte[] {5, 1, 1, 1, 0, 0x12, 0, 1, 0, 0x10, 6, 1, 7, 1, 3, 1, 0x00, 0x30, 1, 0, 0});
    }

    private void run() {
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(8)) {
                case 0, 1 -> accessConfig();
                case 2 -> accessPorts();
                case 3, 4 -> accessBar();
                case 5 -> GUEST.enable(device());
                case 6 -> GUEST.enableMsix(device(), input.below(QUEUES + 1), input.u8());
                default -> bringUp(device(), input.below(QUEUES));
            }
        }
        assertTrue(ACCELERATOR.notifiedGpas().size() <= DEVICES * QUEUES);
        assertTrue(ACCELERATOR.routes().size() <= DEVICES * (QUEUES + 1));
        SLOTS.forEach(PciSlot::reset);
        HOST.reset();
        assertEquals(List.of(), ACCELERATOR.notifiedGpas());
        assertWorks(1 + input.below(DEVICES));
        SLOTS.forEach(PciSlot::reset);
        HOST.reset();
        assertEquals(List.of(), BUGS);
    }

    private int device() {
        return 1 + input.below(DEVICES);
    }

    private long value(int sizeBytes) {
        long value = 0;
        for (int i = 0; i < sizeBytes; i++) {
            value |= (long) input.u8() << (8 * i);
        }
        return value;
    }

    private void access(Bus bus, long address, int sizeBytes) {
        if (input.bit()) {
            bus.write(address, sizeBytes, value(sizeBytes));
        } else {
            bus.read(address, sizeBytes);
        }
    }

    private int width() {
        return 1 << input.below(4);
    }

    private void accessConfig() {
        long place = ((long) input.below(DEVICES + 2) << 15) + input.below(0x200);
        access(GUEST.mmio(), MachineLayout.PCI_ECAM_GPA + place, width());
    }

    private void accessPorts() {
        int address = 1 << 31 | input.below(DEVICES + 2) << 11 | input.u8();
        GUEST.ports().write(PciConfigPorts.PORT, Integer.BYTES, Integer.toUnsignedLong(address));
        int sizeBytes = 1 << input.below(3);
        access(GUEST.ports(), PciConfigPorts.PORT + 4L + input.below(4), sizeBytes);
    }

    private void accessBar() {
        long base = (input.bit() ? WINDOWS.gpa64() : MachineLayout.PCI_MMIO32_GPA) + (long) input.below(DEVICES + 1) * BAR_BYTES;
        access(GUEST.mmio(), base + input.u16() % BAR_BYTES, width());
    }

    private void bringUp(int device, int queue) {
        if (GUEST.bar(device) <= 0 || !WINDOWS.contains(GUEST.bar(device), BAR_BYTES)) {
            return;
        }
        PciDriver driver = GUEST.driver(device, input.bit());
        if (driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1 | VirtioFeatures.VIRTIO_F_RING_RESET)) {
            driver.setUpQueue(queue, new QueueDriver(MEMORY, 0x1000, QUEUE_SIZE, false));
            driver.driverOk();
            driver.notifyQueue(queue);
        }
    }

    private static void assertWorks(int device) {
        GUEST.enable(device);
        PciDriver driver = GUEST.driver(device, false);
        assertTrue(driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        QueueDriver queue = new QueueDriver(MEMORY, 0x1000, QUEUE_SIZE, false);
        driver.setUpQueue(0, queue);
        driver.driverOk();
        MEMORY.writeU64(0x8000, 8); // VIRTIO_BLK_T_GET_ID
        MEMORY.writeU64(0x8008, 0);
        queue.offer(Buffer.readable(0x8000, 16), Buffer.writable(0x8100, 21));
        driver.notifyQueue(0);
        for (int i = 0; i < 3; i++) {
            LOOP.call(() -> {});
        }
        assertTrue(queue.pollUsed());
        assertEquals(1, driver.takeIsr());
    }
}

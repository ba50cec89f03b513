// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.pci.PciHost;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.machine.FakeAccelerator;
import dev.isthmus.testing.machine.PciGuest;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.PciDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.VirtioIds;
import dev.isthmus.virtio.queue.Virtqueue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A virtio device on the bus: what the guest finds, and the ways that go past the vCPUs. */
@Timeout(60)
class PciSlotTest {
    private static final int QUEUES = 2;
    private static final long WINDOW_64 = 0x4_0000_0000L;
    private static final long NOTIFY = 0x3000;

    private final FakeAccelerator accelerator = new FakeAccelerator();
    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final List<Throwable> bugs = new CopyOnWriteArrayList<>();
    private final IoThread loop = IoThread.start("pci-slot-test", bugs::add);
    private final PciHost host = new PciHost(accelerator, new PciWindows(WINDOW_64, 1L << 32));
    private final PciGuest guest = new PciGuest(host);
    private final List<PciSlot> slots = new ArrayList<>();

    @AfterEach
    void closeAll() {
        slots.forEach(PciSlot::reset);
        slots.forEach(PciSlot::close);
        host.close();
        loop.close();
        assertEquals(List.of(), bugs);
    }

    private PciSlot attach(VirtioDevice device) {
        PciSlot slot = PciSlot.attach(host, "test", device, memory, loop);
        slots.add(slot);
        return slot;
    }

    /** A device that uses the first buffer at once and interrupts. Its queues and counts are the loop's. */
    private static final class Echo implements VirtioDevice, ActiveDevice {
        private final int type;
        private final ConfigSpace config = new ConfigSpace(new byte[8]);
        private final @Nullable Virtqueue[] queues = new Virtqueue[QUEUES];
        private final int[] notified = new int[QUEUES];
        private @Nullable Activation activation;

        Echo(int type) {
            this.type = type;
        }

        @Override
        public int deviceId() {
            return type;
        }

        @Override
        public long offeredFeatures() {
            return 0;
        }

        @Override
        public int queueCount() {
            return QUEUES;
        }

        @Override
        public int queueSizeMax(int queueIndex) {
            return 16;
        }

        @Override
        public ConfigSpace config() {
            return config;
        }

        @Override
        public Statistics statistics() {
            return _ -> {};
        }

        @Override
        public ActiveDevice activate(Activation newActivation) {
            activation = newActivation;
            return this;
        }

        @Override
        public void startQueue(int queueIndex, Virtqueue queue) {
            queues[queueIndex] = queue;
        }

        @Override
        public void queueNotified(int queueIndex) {
            notified[queueIndex]++;
            Activation current = activation;
            if (current != null && queues[queueIndex] != null) {
                current.driver().usedBuffers(queueIndex);
            }
        }

        @Override
        public void takeNoMore() {}

        @Override
        public void stopQueue(int queueIndex, Runnable stopped) {
            queues[queueIndex] = null;
            stopped.run();
        }

        @Override
        public void close(Runnable closed) {
            activation = null;
            closed.run();
        }
    }

    private PciDriver bringUp(int device, boolean msix) {
        PciDriver driver = guest.driver(device, msix);
        assertTrue(driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        for (int i = 0; i < QUEUES; i++) {
            driver.setUpQueue(i, new QueueDriver(memory, 0x1000L * (i + 1), 16, false));
        }
        driver.driverOk();
        assertEquals(0, driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        return driver;
    }

    /** Returns how often queues were notified since the last call; what was notified before has arrived. */
    private List<Integer> takeNotified(Echo device) {
        List<Integer> counts = new ArrayList<>();
        // Descriptors that are ready now are looked at in the turn after this one.
        loop.call(() -> {});
        loop.call(() -> {});
        loop.call(() -> {
            for (int i = 0; i < QUEUES; i++) {
                counts.add(device.notified[i]);
                device.notified[i] = 0;
            }
        });
        return counts;
    }

    // Virtio 1.2, section 4.1.2: discovery.

    @ParameterizedTest
    @CsvSource({
        VirtioIds.VIRTIO_ID_NET + ", 0x020000",
        VirtioIds.VIRTIO_ID_BLOCK + ", 0x010000",
        VirtioIds.VIRTIO_ID_CONSOLE + ", 0x078000",
        VirtioIds.VIRTIO_ID_RNG + ", 0x00ff00",
        VirtioIds.VIRTIO_ID_BALLOON + ", 0x00ff00",
        VirtioIds.VIRTIO_ID_VSOCK + ", 0x078000",
        VirtioIds.VIRTIO_ID_FS + ", 0x018000"
    })
    void deviceHasTheIdsOfItsTypeAndTheClassThatQemuGivesIt(int type, String classCode) {
        attach(new Echo(type));

        assertEquals(0x1af4, guest.read(1, 0, 2));
        assertEquals(0x1040 + type, guest.read(1, 2, 2));
        assertEquals(1, guest.read(1, 8, 1), "revision: no legacy interface");
        assertEquals(Long.decode(classCode), guest.read(1, 9, 3));
        assertEquals(0x1100_1af4L, guest.read(1, 0x2c, 4), "subsystem");
    }

    @Test
    void allCapabilitiesAreThereOnce() {
        attach(new Echo(VirtioIds.VIRTIO_ID_BLOCK));

        assertEquals(5, guest.capabilities(1, 0x09).size(), "virtio");
        assertEquals(1, guest.capabilities(1, 0x11).size(), "MSI-X");
        assertEquals(1, guest.capabilities(1, 0x10).size(), "PCI Express");
        assertEquals(QUEUES, guest.read(1, guest.capabilities(1, 0x11).getFirst() + 2, 2), "vectors but one");
    }

    // Notifications by ioeventfd.

    @Test
    void notificationRegistersAreAttachedWhereverTheBarIs() {
        attach(new Echo(VirtioIds.VIRTIO_ID_BLOCK));
        assertEquals(List.of(), accelerator.notifiedGpas());

        guest.enable(1);
        long bar = guest.bar(1);
        assertEquals(List.of(bar + NOTIFY, bar + NOTIFY + 4), accelerator.notifiedGpas());

        guest.setBar(1, WINDOW_64);
        assertEquals(List.of(WINDOW_64 + NOTIFY, WINDOW_64 + NOTIFY + 4), accelerator.notifiedGpas());

        guest.disable(1);
        assertEquals(List.of(), accelerator.notifiedGpas());
    }

    @Test
    void notificationReachesItsQueueBeforeAndAfterAMove() {
        Echo device = new Echo(VirtioIds.VIRTIO_ID_BLOCK);
        attach(device);
        guest.enable(1);
        bringUp(1, false);
        takeNotified(device);

        assertTrue(accelerator.write(guest.bar(1) + NOTIFY + 4));
        assertEquals(List.of(0, 1), takeNotified(device));

        guest.setBar(1, WINDOW_64);
        assertTrue(accelerator.write(WINDOW_64 + NOTIFY));
        assertEquals(List.of(1, 0), takeNotified(device));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void hostWithoutRoomForIoeventfdsLeavesTheSlowWay(int room) {
        accelerator.setNotifiersMax(room);
        Echo device = new Echo(VirtioIds.VIRTIO_ID_BLOCK);
        attach(device);
        guest.enable(1);
        PciDriver driver = bringUp(1, false);
        takeNotified(device);
        assertEquals(room, accelerator.notifiedGpas().size());

        driver.notifyQueue(1);
        assertEquals(List.of(0, 1), takeNotified(device));

        guest.disable(1);
        assertEquals(List.of(), accelerator.notifiedGpas());
    }

    // Interrupts.

    @Test
    void usedBuffersInterruptByTheVectorThatTheDriverChose() {
        Echo device = new Echo(VirtioIds.VIRTIO_ID_BLOCK);
        attach(device);
        guest.enable(1);
        guest.enableMsix(1, PciDriver.queueVector(1), 0x41);
        PciDriver driver = bringUp(1, true);
        takeNotified(device);
        accelerator.routes().forEach(FakeAccelerator.Route::takeSignals);

        driver.notifyQueue(1);
        takeNotified(device);

        FakeAccelerator.Route route =
                accelerator.routes().stream().filter(any -> any.data() == 0x41).findFirst().orElseThrow();
        assertEquals(1, route.takeSignals());
        assertEquals(QUEUES + 1, accelerator.routes().size());
    }

    @Test
    void driverGetsTheVectorsThatTheHostHas() {
        accelerator.setRoutesLeft(2);
        attach(new Echo(VirtioIds.VIRTIO_ID_BLOCK));
        guest.enable(1);
        PciDriver driver = guest.driver(1, true);

        assertEquals(0, driver.setConfigVector(0));
        assertEquals(1, driver.setQueueVector(0, 1));
        assertEquals(0xffff, driver.setQueueVector(1, 2));
    }

    @Test
    void devicesThatShareALineKeepItUntilAllAreServed() {
        Echo[] devices = new Echo[5];
        for (int i = 0; i < devices.length; i++) {
            devices[i] = new Echo(VirtioIds.VIRTIO_ID_BLOCK);
            attach(devices[i]);
        }
        // Devices 1 and 5 share the second line.
        int irq = (int) guest.read(1, 0x3c, 1);
        assertEquals(irq, guest.read(5, 0x3c, 1));
        guest.enable(1);
        guest.enable(5);
        PciDriver first = bringUp(1, false);
        PciDriver fifth = bringUp(5, false);
        takeNotified(devices[4]);

        first.notifyQueue(0);
        fifth.notifyQueue(0);
        takeNotified(devices[0]);
        takeNotified(devices[4]);
        assertTrue(accelerator.level(irq));

        assertEquals(1, first.takeIsr());
        assertTrue(accelerator.level(irq));
        assertEquals(1, fifth.takeIsr());
        assertEquals(false, accelerator.level(irq));
    }

    // The machine's reset.

    @Test
    void resetDetachesAndStopsTheDeviceForANewStart() {
        Echo device = new Echo(VirtioIds.VIRTIO_ID_BLOCK);
        PciSlot slot = attach(device);
        guest.enable(1);
        guest.setBar(1, WINDOW_64);
        bringUp(1, false);

        slot.reset();
        host.reset();

        assertEquals(List.of(), accelerator.notifiedGpas());
        guest.enable(1);
        PciDriver driver = guest.driver(1, false);
        assertEquals(0, driver.status());
        bringUp(1, false);
        takeNotified(device);
        driver.notifyQueue(0);
        assertEquals(List.of(1, 0), takeNotified(device));
    }

    @Test
    void busHasRoomForThirtyOneDevicesEachWithBarVectorsAndLineOfItsOwn() {
        int devices = VirtioTransport.PCI.maxDevices();
        Set<Long> bars = new HashSet<>();
        for (int device = 1; device <= devices; device++) {
            attach(new Echo(VirtioIds.VIRTIO_ID_BLOCK));
        }

        for (int device = 1; device <= devices; device++) {
            assertEquals(0x1042_1af4L, guest.read(device, 0, 4));
            guest.enable(device);
            bars.add(guest.bar(device));
            PciDriver driver = bringUp(device, true);
            guest.enableMsix(device, PciDriver.queueVector(1), device);
            driver.notifyQueue(1);
            loop.call(() -> {});
        }

        assertEquals(31, bars.size());
        assertEquals(31 * QUEUES, accelerator.notifiedGpas().size());
        assertEquals(31 * (QUEUES + 1), accelerator.routes().size());
    }
}

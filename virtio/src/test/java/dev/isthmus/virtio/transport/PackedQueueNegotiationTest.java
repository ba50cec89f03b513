// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.queue.PackedQueue;
import dev.isthmus.virtio.queue.SplitQueue;
import dev.isthmus.virtio.queue.Virtqueue;

import static dev.isthmus.virtio.VirtioFeatures.VIRTIO_F_IN_ORDER;
import static dev.isthmus.virtio.VirtioFeatures.VIRTIO_F_RING_PACKED;
import static dev.isthmus.virtio.VirtioFeatures.VIRTIO_F_RING_RESET;
import static dev.isthmus.virtio.VirtioFeatures.VIRTIO_F_VERSION_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The ring format is the driver's choice where it is offered (virtio 1.2, sections 2.2, 2.8 and 6), over every transport. */
@ParameterizedClass
@EnumSource(VirtioRig.Carrier.class)
class PackedQueueNegotiationTest {
    private static final long RING_GPA = 0x1000;
    private static final int SIZE = 7;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final ManualEventLoop loop = new ManualEventLoop();
    private final VirtioRig.Carrier carrier;
    private final RecordingDevice device = new RecordingDevice(true);
    private final VirtioDriver driver;

    PackedQueueNegotiationTest(VirtioRig.Carrier carrier) {
        this.carrier = carrier;
        this.driver = new VirtioRig(carrier, device, memory, loop).driver();
    }

    @Test
    void packedIsOfferedOnlyByDevicesThatAreToldTo() {
        VirtioDriver other = new VirtioRig(carrier, new RecordingDevice(false), memory, loop).driver();

        assertEquals(VIRTIO_F_RING_PACKED, driver.deviceFeatures() & VIRTIO_F_RING_PACKED);
        assertEquals(0, other.deviceFeatures() & VIRTIO_F_RING_PACKED);
        assertFalse(other.negotiate(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED));
    }

    @Test
    void inOrderIsNotOffered() {
        // 6.2: only devices that use all buffers in order may offer it.
        assertEquals(0, driver.deviceFeatures() & VIRTIO_F_IN_ORDER);
    }

    @Test
    void driverThatChoosesPackedGetsPackedQueuesOfAnySize() {
        assertTrue(driver.negotiate(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED));
        driver.setUpQueue(0, new PackedQueueDriver(memory, RING_GPA, SIZE, false));
        driver.driverOk();

        Virtqueue queue = assertInstanceOf(PackedQueue.class, device.queues[0]);
        assertEquals(SIZE, queue.size());
    }

    @Test
    void driverThatDoesNotChoosePackedGetsSplitQueues() {
        assertTrue(driver.negotiate(VIRTIO_F_VERSION_1));
        driver.setUpQueue(0, new QueueDriver(memory, RING_GPA, 8, false));
        driver.driverOk();

        assertInstanceOf(SplitQueue.class, device.queues[0]);
    }

    @ParameterizedTest
    @CsvSource({
        "0,     0x1000, 0x1080, 0x1084",
        "17,    0x1000, 0x2000, 0x2004",
        "7,     0x1008, 0x1080, 0x1084",
        "7,     0x1000, 0x1082, 0x1084",
        "7,     0x1000, 0x1080, 0x1086",
        "7,     0xffa0, 0x1080, 0x1084",
        "7,     0x1000, 0x10000, 0x1084",
        "7,     0x1000, 0x1080, 0xfffffffffffffffc",
    })
    void packedQueueThatIsUnsoundNeedsAReset(int size, String ringGpa, String driverEventGpa, String deviceEventGpa) {
        // 2.8.10.1, 2.8.11
        assertTrue(driver.negotiate(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED));
        driver.describeQueue(0, size, gpa(ringGpa), gpa(driverEventGpa), gpa(deviceEventGpa));
        driver.enableQueue(0);
        driver.driverOk();

        assertEquals(DeviceStatus.DEVICE_NEEDS_RESET, driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertEquals(null, device.queues[0]);
    }

    private static long gpa(String text) {
        return Long.parseUnsignedLong(text.substring(2), 16);
    }

    @Test
    void packedQueueThatWasResetStartsAgainAtItsFirstDescriptor() {
        // 2.6.1
        assertTrue(driver.negotiate(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_RING_RESET));
        driver.setUpQueue(0, new PackedQueueDriver(memory, RING_GPA, SIZE, false));
        driver.driverOk();

        driver.resetQueue(0);
        driver.setUpQueue(0, new PackedQueueDriver(memory, RING_GPA, SIZE + 1, false));

        PackedQueue queue = assertInstanceOf(PackedQueue.class, device.queues[0]);
        assertEquals(SIZE + 1, queue.size());
        assertEquals(0, queue.position().nextAvailable());
    }

    @Test
    void splitQueueFollowsAResetOfADeviceWithPackedOnes() {
        assertTrue(driver.negotiate(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED));
        driver.setUpQueue(0, new PackedQueueDriver(memory, RING_GPA, SIZE, false));
        driver.driverOk();

        assertTrue(driver.negotiate(VIRTIO_F_VERSION_1));
        driver.setUpQueue(0, new QueueDriver(memory, RING_GPA, 8, false));
        driver.driverOk();

        assertInstanceOf(SplitQueue.class, device.queues[0]);
    }
}

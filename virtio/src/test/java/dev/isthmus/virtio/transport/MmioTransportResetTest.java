// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Resets of the device and of single queues, by virtio 1.2, sections 2.4, 2.6.1 and 4.2.2.1. */
class MmioTransportResetTest extends MmioTransportFixture {
    // 2.4: device reset.

    @Test
    void resetClosesTheDeviceAndClearsEverything() {
        bringUp(RecordingDevice.FEATURE);
        signals().usedBuffers(0);
        device.takeCalls();

        driver.reset();

        assertEquals(List.of("close"), device.takeCalls());
        assertEquals(0, driver.status());
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS));
        for (int i = 0; i < 2; i++) {
            driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, i);
            assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
        }
    }

    @Test
    void deviceCanBeBroughtUpAgainAfterAReset() {
        bringUp(RecordingDevice.FEATURE);
        transport.reset();
        device.takeCalls();

        bringUp(0);

        assertEquals(
                List.of("activate 0x0", "start 0 8", "start 1 16", "notified 0", "notified 1"), device.takeCalls());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 11, 0x80})
    void resetInAnyStateGivesAFreshDevice(int status) {
        driver.writeDriverFeatures(VERSION_1);
        driver.write(MmioRegisters.VIRTIO_MMIO_STATUS, status);
        driver.reset();

        assertEquals(0, driver.status());
        assertEquals(List.of(), device.takeCalls());
    }

    @Test
    void resetEndsNeedsReset() {
        bringUp(0);
        signals().needsReset(0, "test");

        driver.reset();
        bringUp(0);

        assertEquals(LIVE, driver.status());
    }

    // 2.6.1 and 4.2.2.1: queue reset.

    @Test
    void queueResetStopsTheQueueAndReadsAsDone() {
        bringUp(RING_RESET);
        device.takeCalls();
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);

        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1);

        assertEquals(List.of("stop 1"), device.takeCalls());
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET));
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
        transport.notifyQueue(1);
        transport.notifyQueue(0);
        assertEquals(List.of("notified 0"), device.takeCalls());
    }

    @Test
    void queueCanBeEnabledAgainWithOtherParametersAfterItsReset() {
        bringUp(RING_RESET);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1);
        device.takeCalls();

        driver.setUpQueue(1, new QueueDriver(memory, 0x4000, 4, false));

        assertEquals(List.of("start 1 4", "notified 1"), device.takeCalls());
        assertEquals(1, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void badParametersAfterAQueueResetNeedADeviceReset() {
        bringUp(RING_RESET);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1);

        driver.describeQueue(1, 4, 1, 0, 0);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);

        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void queueResetIsIgnoredWithoutItsFeature() {
        bringUp(0);
        device.takeCalls();

        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1);

        assertEquals(List.of(), device.takeCalls());
        assertEquals(1, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void clearingQueueReadyOfALiveQueueStopsIt() {
        // 4.2.2.1: no access to the queue while QueueReady is zero.
        bringUp(0);
        device.takeCalls();
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 0);

        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 0);

        assertEquals(List.of("stop 0"), device.takeCalls());
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }
}

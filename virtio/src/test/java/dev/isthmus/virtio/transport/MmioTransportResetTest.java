// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Resets of the device and of single queues, by virtio 1.2, sections 2.4, 2.6.1 and 4.2.2.1. */
@Timeout(60)
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

    /** Has another vCPU do what makes it wait, up to where the loop has begun with it. */
    private Thread begin(Runnable access) throws InterruptedException {
        Thread cpu = Thread.ofPlatform().start(access);
        loop.awaitPosted(1);
        loop.runReady();
        return cpu;
    }

    @Test
    void statusReadsZeroOnlyOnceRequestsInFlightHaveEndedAndTheLoopGoesOnMeanwhile() throws InterruptedException {
        bringUp(0);
        device.slow = true;
        device.takeCalls();

        Thread cpu = begin(driver::reset);
        transport.notifyQueue(0);
        driver.notifyQueue(1);
        loop.runReady();

        assertEquals(List.of("close"), device.takeCalls());
        assertEquals(LIVE, driver.status());
        assertTrue(cpu.isAlive());

        device.endRequests();
        cpu.join();
        assertEquals(0, driver.status());
    }

    @Test
    void resetsOfTwoCpusEndTogether() throws InterruptedException {
        bringUp(0);
        device.slow = true;
        device.takeCalls();

        Thread first = begin(driver::reset);
        Thread second = begin(driver::reset);
        assertEquals(List.of("close"), device.takeCalls());
        assertTrue(first.isAlive() && second.isAlive());
        device.endRequests();

        first.join();
        second.join();
        bringUp(0);
        assertEquals(LIVE, driver.status());
    }

    @Test
    void driverOkOfAnotherCpuDuringAResetIsLost() throws InterruptedException {
        assertTrue(driver.negotiate(VERSION_1));
        device.slow = true;
        Thread first = Thread.ofPlatform().start(driver::driverOk);
        loop.awaitPosted(1);
        Thread resetting = Thread.ofPlatform().start(driver::reset);
        loop.awaitPosted(2);
        Thread second = Thread.ofPlatform().start(driver::driverOk);
        loop.awaitPosted(3);

        loop.runReady();
        second.join();
        assertEquals(List.of("activate 0x0", "close"), device.takeCalls());
        device.endRequests();

        first.join();
        resetting.join();
        assertEquals(0, driver.status());
    }

    // 2.6.1 and 4.2.2.1: queue reset.

    @Test
    void queueResetReadsAsGoingOnUntilRequestsInFlightHaveEnded() throws InterruptedException {
        bringUp(RING_RESET);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        device.slow = true;
        device.takeCalls();

        Thread cpu = begin(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1));
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
        transport.notifyQueue(1);
        transport.notifyQueue(0);

        assertEquals(List.of("stop 1", "notified 0"), device.takeCalls());
        assertEquals(1, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET));
        assertEquals(1, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));

        device.endRequests();
        cpu.join();
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET));
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void queueThatIsStoppingIsStoppedOnceAndResetWhereOneOfTheCpusAskedForThat() throws InterruptedException {
        bringUp(RING_RESET);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        device.slow = true;
        device.takeCalls();

        Thread disabling = begin(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 0));
        Thread resetting = begin(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1));
        assertEquals(List.of("stop 1"), device.takeCalls());
        device.endRequests();
        disabling.join();
        resetting.join();

        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
        driver.setUpQueue(1, new QueueDriver(memory, 0x4000, 4, false));
        assertEquals(List.of("start 1 4", "notified 1"), device.takeCalls());
    }

    @Test
    void queueIsNotStartedByWhatWasWrittenBeforeItStopped() throws InterruptedException {
        bringUp(RING_RESET);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1);
        QueueDriver again = new QueueDriver(memory, 0x4000, 4, false);
        driver.describeQueue(1, 4, again.descriptorGpa(), again.availableGpa(), again.usedGpa());
        device.slow = true;
        device.takeCalls();
        Thread[] cpus = new Thread[3];
        cpus[0] = Thread.ofPlatform().start(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1));
        loop.awaitPosted(1);
        cpus[1] = Thread.ofPlatform().start(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1));
        loop.awaitPosted(2);
        cpus[2] = Thread.ofPlatform().start(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1));
        loop.awaitPosted(3);

        loop.runReady();
        device.endRequests();
        for (Thread cpu : cpus) {
            cpu.join();
        }

        assertEquals(List.of("start 1 4", "notified 1", "stop 1"), device.takeCalls());
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void deviceResetDuringAQueueResetEndsBoth() throws InterruptedException {
        bringUp(RING_RESET);
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        device.slow = true;
        device.takeCalls();

        Thread queueReset = begin(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1));
        Thread deviceReset = begin(driver::reset);
        Thread late = begin(() -> driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 0));
        assertEquals(List.of("stop 1", "close"), device.takeCalls());
        assertTrue(queueReset.isAlive() && deviceReset.isAlive() && late.isAlive());
        device.endRequests();

        queueReset.join();
        deviceReset.join();
        late.join();
        assertEquals(0, driver.status());
        bringUp(0);
        assertEquals(LIVE, driver.status());
    }

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

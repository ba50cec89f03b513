// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Section 2.4.1, over every transport: a reset in any state of the device leads to the one state that it begins with. */
@Timeout(60)
class TransportResetTest {
    private static final long FEATURES = VirtioFeatures.VIRTIO_F_VERSION_1 | VirtioFeatures.VIRTIO_F_RING_RESET;
    private static final int LIVE = DeviceStatus.ACKNOWLEDGE
            | DeviceStatus.DRIVER
            | DeviceStatus.FEATURES_OK
            | DeviceStatus.DRIVER_OK;
    private static final int QUEUE_SIZE = 8;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final ManualEventLoop loop = new ManualEventLoop();
    private final RecordingDevice device = new RecordingDevice();
    private final QueueDriver queue = new QueueDriver(memory, 0x1000, QUEUE_SIZE, false);

    /** How far a driver, or the device, has come when the reset is written. */
    enum State {
        UNTOUCHED,
        ACKNOWLEDGED,
        FAILED,
        FEATURES_REFUSED,
        FEATURES_OK,
        QUEUE_DESCRIBED,
        QUEUE_ENABLED,
        LIVE,
        LIVE_WITHOUT_QUEUES,
        LIVE_WITH_INTERRUPTS_PENDING,
        QUEUE_RESET,
        QUEUE_ENABLED_AGAIN,
        NEEDS_RESET,
        MALFORMED_QUEUE
    }

    private void bringTo(State state, VirtioDriver driver) {
        switch (state) {
            case UNTOUCHED -> {}
            case ACKNOWLEDGED -> driver.writeStatus(DeviceStatus.ACKNOWLEDGE);
            case FAILED -> driver.writeStatus(DeviceStatus.FAILED);
            case FEATURES_REFUSED -> assertFalse(driver.negotiate(0));
            case FEATURES_OK -> assertTrue(driver.negotiate(FEATURES));
            case QUEUE_DESCRIBED -> {
                assertTrue(driver.negotiate(FEATURES));
                driver.describeQueue(0, QUEUE_SIZE, 1, 2, 3);
            }
            case QUEUE_ENABLED -> {
                assertTrue(driver.negotiate(FEATURES));
                driver.setUpQueue(0, queue);
            }
            case LIVE -> bringUp(driver);
            case LIVE_WITHOUT_QUEUES -> {
                assertTrue(driver.negotiate(FEATURES));
                driver.driverOk();
            }
            case LIVE_WITH_INTERRUPTS_PENDING -> {
                bringUp(driver);
                activation().driver().usedBuffers(0);
                activation().driver().configChanged();
            }
            case QUEUE_RESET -> {
                bringUp(driver);
                driver.resetQueue(0);
            }
            case QUEUE_ENABLED_AGAIN -> {
                bringUp(driver);
                driver.resetQueue(0);
                driver.setUpQueue(0, queue);
            }
            case NEEDS_RESET -> {
                bringUp(driver);
                activation().driver().needsReset(0, "test");
            }
            case MALFORMED_QUEUE -> {
                assertTrue(driver.negotiate(FEATURES));
                driver.describeQueue(0, 3, 1, 2, 3);
                driver.enableQueue(0);
                driver.driverOk();
                assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
            }
        }
    }

    private Activation activation() {
        @Nullable Activation activation = device.activation;
        assertNotNull(activation);
        return activation;
    }

    private void bringUp(VirtioDriver driver) {
        assertTrue(driver.negotiate(FEATURES));
        driver.setUpQueue(0, queue);
        driver.driverOk();
        assertEquals(LIVE, driver.status());
    }

    static Stream<Arguments> allStatesOverAllTransports() {
        return Stream.of(VirtioRig.Carrier.values())
                .flatMap(carrier -> Stream.of(State.values()).map(state -> Arguments.of(carrier, state)));
    }

    @ParameterizedTest
    @MethodSource("allStatesOverAllTransports")
    void resetInAnyStateLeavesADeviceThatNobodyHasTouched(VirtioRig.Carrier carrier, State state) {
        VirtioRig rig = new VirtioRig(carrier, device, memory, loop);
        VirtioDriver driver = rig.driver();
        bringTo(state, driver);

        driver.reset();

        assertEquals(0, driver.status());
        if (carrier == VirtioRig.Carrier.PCI_INTX) {
            assertEquals(0, rig.takeInterrupts(), "a line that stays up");
        }
        for (int i = 0; i < device.queueCount(); i++) {
            assertFalse(driver.queueEnabled(i));
            assertEquals(RecordingDevice.QUEUE_SIZE_MAX, driver.queueSizeMax(i));
        }
        device.takeCalls();
        rig.notifyQueue(0);
        assertEquals(List.of(), device.takeCalls(), "a notification that reaches the device");
        bringUp(driver);
        assertEquals(
                List.of("activate 0x10000000000", "start 0 8", "notified 0"), device.takeCalls(), "the next driver");
    }

    @ParameterizedTest
    @EnumSource(VirtioRig.Carrier.class)
    void resetWaitsForRequestsInFlightAndThoseOfAQueueReset(VirtioRig.Carrier carrier) throws InterruptedException {
        VirtioDriver driver = new VirtioRig(carrier, device, memory, loop).driver();
        bringUp(driver);
        device.slow = true;
        Thread queueReset = Thread.ofPlatform().start(() -> driver.resetQueue(0));
        loop.awaitPosted(1);
        loop.runReady();
        Thread reset = Thread.ofPlatform().start(driver::reset);
        loop.awaitPosted(1);
        loop.runReady();
        assertEquals(LIVE, driver.status());

        device.endRequests();
        loop.runReady();

        queueReset.join();
        reset.join();
        assertEquals(0, driver.status());
        bringUp(driver);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.Rate;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.VirtioIds;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The entropy device over every transport and ring format, clause by clause of virtio 1.2, section 5.4. */
class VirtioRngTest {
    private static final long SECOND_NANOS = 1_000_000_000L;

    static Stream<Arguments> ways() {
        return Stream.of(VirtioRig.Carrier.values())
                .flatMap(carrier -> Stream.of(Arguments.of(carrier, false), Arguments.of(carrier, true)));
    }

    private static RngTestRig running() {
        return new RngTestRig(VirtioRig.Carrier.MMIO, false).bringUp();
    }

    @Test
    void deviceHasOneQueueAndNeitherFeaturesNorConfiguration() {
        RngTestRig rig = new RngTestRig(VirtioRig.Carrier.MMIO, false);

        // 5.4.1 to 5.4.4.
        assertEquals(4, rig.device.deviceId());
        assertEquals(VirtioIds.VIRTIO_ID_RNG, rig.device.deviceId());
        assertEquals(1, rig.device.queueCount());
        assertEquals(0, rig.device.offeredFeatures());
        assertEquals(0, rig.device.config().lengthBytes());
        assertEquals(RngTestRig.QUEUE_SIZE, rig.driver.queueSizeMax(0));
        assertFalse(rig.device.offersPackedQueues());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void bufferIsFilledAndTheDriverInterrupted(VirtioRig.Carrier carrier, boolean packed) {
        RngTestRig rig = new RngTestRig(carrier, packed).bringUp();
        rig.transport.takeInterrupts();

        int id = rig.request(64);

        // "It will be completely filled by random data by the device" (5.4.6).
        assertEquals(64, rig.takeUsed());
        assertEquals(id, rig.queue.usedId());
        rig.assertBytes(RngTestRig.BUFFER_GPA, 1, 64);
        assertEquals(0, rig.memory.readU8(RngTestRig.BUFFER_GPA + 64));
        assertEquals(1, rig.transport.takeInterrupts());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void bufferInPiecesIsFilledInOrder(VirtioRig.Carrier carrier, boolean packed) {
        RngTestRig rig = new RngTestRig(carrier, packed).bringUp();

        rig.request(
                Buffer.writable(RngTestRig.BUFFER_GPA, 3),
                Buffer.writable(RngTestRig.BUFFER_GPA + 0x1000, 1),
                Buffer.writable(RngTestRig.BUFFER_GPA + 0x2000, 5));

        assertEquals(9, rig.takeUsed());
        rig.assertBytes(RngTestRig.BUFFER_GPA, 1, 3);
        rig.assertBytes(RngTestRig.BUFFER_GPA + 0x1000, 4, 1);
        rig.assertBytes(RngTestRig.BUFFER_GPA + 0x2000, 5, 5);
    }

    @Test
    void severalBuffersAreUsedWithOneInterrupt() {
        RngTestRig rig = running();
        rig.transport.takeInterrupts();
        for (int i = 0; i < RngTestRig.QUEUE_SIZE; i++) {
            rig.queue.offer(Buffer.writable(RngTestRig.BUFFER_GPA + i * 0x100L, 16));
        }

        rig.driver.notifyQueue(0);
        rig.loop.runReady();

        for (int i = 0; i < RngTestRig.QUEUE_SIZE; i++) {
            assertEquals(16, rig.takeUsed());
        }
        // The budget of a round is as many buffers as the queue has; the next round finds nothing.
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(RngTestRig.QUEUE_SIZE, rig.counter("requests"));
        assertEquals(RngTestRig.QUEUE_SIZE * 16, rig.counter("bytes"));
    }

    @Test
    void deviceReadableBufferIsUsedWithNothing() {
        RngTestRig rig = running();
        rig.memory.writeU32(RngTestRig.BUFFER_GPA, 0xdead_beefL);

        // "The driver MUST NOT place device-readable buffers into the queue" (5.4.6.1).
        rig.request(Buffer.readable(RngTestRig.BUFFER_GPA, 64));

        assertEquals(0, rig.takeUsed());
        assertEquals(0xdead_beefL, rig.memory.readU32(RngTestRig.BUFFER_GPA));
        assertEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertEquals(1, rig.counter("refused"));
        assertEquals(0, rig.source.calls);
    }

    @Test
    void deviceReadablePartOfABufferIsLeftAlone() {
        RngTestRig rig = running();
        rig.memory.writeU32(RngTestRig.BUFFER_GPA, 0xdead_beefL);

        rig.request(
                Buffer.readable(RngTestRig.BUFFER_GPA, 4), Buffer.writable(RngTestRig.BUFFER_GPA + 0x1000, 8));

        assertEquals(8, rig.takeUsed());
        assertEquals(0xdead_beefL, rig.memory.readU32(RngTestRig.BUFFER_GPA));
        rig.assertBytes(RngTestRig.BUFFER_GPA + 0x1000, 1, 8);
    }

    @Test
    void largeRequestIsGivenABoundedPart() {
        RngTestRig rig = running();

        // "it MAY use less than the entire buffer length" (5.4.6.2).
        rig.request(Buffer.writable(0x10_0000, 0x10_0000));

        assertEquals(VirtioRng.REQUEST_BYTES_MAX, rig.takeUsed());
        assertEquals(0, rig.memory.readU8(0x10_0000 + VirtioRng.REQUEST_BYTES_MAX));
        assertEquals(VirtioRng.REQUEST_BYTES_MAX, rig.source.largestCallBytes);
    }

    @Test
    void roundEndsAfterABoundedNumberOfBytesAndGoesOnLater() {
        RngTestRig rig = running();
        for (int i = 0; i < RngTestRig.QUEUE_SIZE; i++) {
            rig.queue.offer(Buffer.writable(0x10_0000, 0x10_0000));
        }

        rig.transport.notifyQueue(0);

        long rounds = ActiveRng.ROUND_BYTES / VirtioRng.REQUEST_BYTES_MAX;
        assertEquals(rounds, rig.counter("requests"));
        rig.loop.runReady();
        assertEquals(RngTestRig.QUEUE_SIZE, rig.counter("requests"));
    }

    @Test
    void shortFillIsHandedOverAsItIs() {
        RngTestRig rig = running();
        rig.source.callBytesMax = 5;

        rig.request(Buffer.writable(RngTestRig.BUFFER_GPA, 3), Buffer.writable(RngTestRig.BUFFER_GPA + 0x1000, 9));

        // "The device MUST place one or more random bytes into the buffer" (5.4.6.2).
        assertEquals(8, rig.takeUsed());
        rig.assertBytes(RngTestRig.BUFFER_GPA + 0x1000, 4, 5);
    }

    @ParameterizedTest
    @EnumSource(VirtioRig.Carrier.class)
    void requestWaitsForASourceThatHasNothing(VirtioRig.Carrier carrier) {
        RngTestRig rig = new RngTestRig(carrier, false).bringUp();
        rig.source.availableBytes = 0;

        rig.request(16);
        rig.request(16);

        assertFalse(rig.queue.pollUsed());
        // However often the guest notifies, the source is left alone for a while.
        assertEquals(1, rig.source.calls);
        rig.loop.advanceNanos(RngPacing.RETRY_NANOS);
        assertEquals(2, rig.source.calls);
        assertEquals(2, rig.counter("starved"));
        rig.source.availableBytes = 100;
        rig.loop.advanceNanos(RngPacing.RETRY_NANOS);
        assertEquals(16, rig.takeUsed());
        assertEquals(16, rig.takeUsed());
    }

    @Test
    void sourceThatBreaksItsContractIsABug() {
        RngTestRig rig = running();
        EntropySource broken = (target, offset, lengthBytes) -> lengthBytes + 1;
        VirtioRng device = new VirtioRng(broken, VirtioRngOptions.DEFAULT, "test");
        VirtioRig transport = new VirtioRig(VirtioRig.Carrier.MMIO, device, rig.memory, rig.loop);
        assertTrue(transport.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        transport.driver().setUpQueue(0, rig.queue);
        transport.driver().driverOk();
        rig.queue.offer(Buffer.writable(RngTestRig.BUFFER_GPA, 16));

        assertThrows(IllegalStateException.class, () -> transport.notifyQueue(0));
    }

    // The rate.

    @Test
    void rateHoldsOverTimeWhateverTheGuestAsksFor() {
        RngTestRig rig = running();
        rig.device.setRate(Rate.of(1000));
        long got = 0;

        for (int tick = 0; tick < 1000; tick++) {
            while (rig.queue.freeDescriptors() > 0) {
                rig.queue.offer(Buffer.writable(RngTestRig.BUFFER_GPA, 0x1_0000));
            }
            rig.driver.notifyQueue(0);
            rig.loop.advanceNanos(SECOND_NANOS / 100);
            rig.loop.runReady();
            while (rig.queue.pollUsed()) {
                got += rig.queue.usedLengthBytes();
            }
        }

        // Ten seconds' worth, and what the bucket holds at once.
        assertTrue(got >= 10_000 && got <= 10_300, got + " bytes");
        assertNotEquals(0, rig.counter("throttled"));
        assertEquals(100, rig.source.largestCallBytes);
    }

    @Test
    void slowestRateStillGivesABytePerRequest() {
        RngTestRig rig = running();
        rig.device.setRate(Rate.of(1));

        rig.request(64);
        rig.request(64);

        assertEquals(1, rig.takeUsed());
        assertFalse(rig.queue.pollUsed());
        rig.loop.advanceNanos(SECOND_NANOS);
        assertEquals(1, rig.takeUsed());
    }

    @Test
    void waitingRequestIsCountedOnceHoweverOftenTheGuestNotifies() {
        RngTestRig rig = running();
        rig.device.setRate(Rate.of(10));
        rig.request(64);
        rig.request(64);
        long before = rig.counter("throttled");

        for (int i = 0; i < 10; i++) {
            rig.driver.notifyQueue(0);
            rig.loop.runReady();
        }

        assertEquals(before, rig.counter("throttled"));
    }

    @Test
    void liftedRateLetsTheWaitingRequestGoOn() {
        RngTestRig rig = running();
        rig.device.setRate(Rate.of(1));
        rig.request(64);
        rig.request(64);
        rig.takeUsed();

        rig.device.setRate(Rate.UNLIMITED);
        rig.loop.runReady();

        assertEquals(64, rig.takeUsed());
    }

    @Test
    void resetDoesNotEmptyTheBucket() {
        RngTestRig rig = running();
        rig.device.setRate(Rate.of(1));
        rig.request(64);
        rig.request(64);

        rig.driver.reset();
        rig.bringUp();
        rig.request(64);

        assertFalse(rig.queue.pollUsed());
        rig.loop.advanceNanos(SECOND_NANOS);
        assertEquals(1, rig.takeUsed());
    }

    // Endings.

    @Test
    void resetDropsAWaitingRequest() {
        RngTestRig rig = running();
        rig.source.availableBytes = 0;
        rig.request(16);

        rig.driver.reset();
        rig.source.availableBytes = 100;
        rig.loop.advanceNanos(SECOND_NANOS);

        assertEquals(0, rig.memory.readU8(RngTestRig.BUFFER_GPA));
        rig.bringUp();
        rig.request(16);
        assertEquals(16, rig.takeUsed());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void queueThatWasResetWorksAgain(boolean packed) {
        RngTestRig rig = new RngTestRig(VirtioRig.Carrier.PCI_MSIX, packed).bringUp();
        rig.source.availableBytes = 0;
        rig.request(16);
        rig.source.availableBytes = 100;

        // 2.6.1.
        rig.driver.resetQueue(0);
        rig.loop.runReady();
        rig.loop.advanceNanos(SECOND_NANOS);

        assertEquals(0, rig.memory.readU8(RngTestRig.BUFFER_GPA));
        RingDriver queue = packed
                ? new PackedQueueDriver(rig.memory, 0x4000, RngTestRig.QUEUE_SIZE, false)
                : new QueueDriver(rig.memory, 0x4000, RngTestRig.QUEUE_SIZE, false);
        rig.queue = queue;
        rig.driver.setUpQueue(0, queue);
        rig.request(16);
        assertEquals(16, rig.takeUsed());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void malformedQueueNeedsAResetAndWorksAfterIt(VirtioRig.Carrier carrier, boolean packed) {
        RngTestRig rig = new RngTestRig(carrier, packed).bringUp();
        rig.queue.addMalformed();
        rig.queue.publish();
        rig.driver.notifyQueue(0);
        rig.loop.runReady();

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        rig.driver.notifyQueue(0);
        rig.loop.runReady();
        rig.driver.reset();
        rig.bringUp();
        rig.request(16);
        assertEquals(16, rig.takeUsed());
    }

    @Test
    void optionsRefuseSizesThatAreNoPowerOfTwo() {
        assertThrows(IllegalArgumentException.class, () -> new VirtioRngOptions(0, false));
        assertThrows(IllegalArgumentException.class, () -> new VirtioRngOptions(12, false));
        assertThrows(IllegalArgumentException.class, () -> new VirtioRngOptions(65536, false));
    }
}

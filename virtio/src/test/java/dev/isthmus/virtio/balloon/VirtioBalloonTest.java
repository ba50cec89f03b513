// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.balloon.FakeBalloonMemory.Range;

import static dev.isthmus.virtio.balloon.BalloonTestRig.DATA_GPA;
import static dev.isthmus.virtio.balloon.BalloonTestRig.FREE_GPA;
import static dev.isthmus.virtio.balloon.BalloonTestRig.HIGH_GPA;
import static dev.isthmus.virtio.balloon.BalloonTestRig.LOW_BYTES;
import static dev.isthmus.virtio.balloon.BalloonTestRig.PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Inflating, deflating and reporting over every transport and ring format (virtio 1.2, sections 5.5.6 and 5.5.6.7). */
class VirtioBalloonTest {
    private static final long NO_FEATURES = 0;

    /** Pieces of the large buffers. */
    private static final int PIECES = 8;

    static Stream<Arguments> ways() {
        return Stream.of(VirtioRig.Carrier.values())
                .flatMap(carrier -> Stream.of(Arguments.of(carrier, false), Arguments.of(carrier, true)));
    }

    @Test
    void deviceOffersWhatItsOptionsSay() {
        // 5.5.1 to 5.5.3.
        VirtioBalloonOptions options = BalloonTestRig.options();
        assertEquals(0b11_0110, options.features());
        assertEquals(0b11_0010, options.withDeflateOnOom(false).features());
        assertEquals(0b11_0100, options.withStatistics(false).features());
        assertEquals(0b00_0110, options.withReporting(false).features());
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, false);
        assertEquals(5, rig.device.deviceId());
        assertEquals(5, rig.device.queueCount());
        assertEquals(BalloonTestRig.ALL, rig.device.offeredFeatures());
    }

    @Test
    void optionsAndMemoryAreChecked() {
        VirtioBalloonOptions options = BalloonTestRig.options();
        assertThrows(IllegalArgumentException.class, () -> options.withQueueSizeMax(0));
        assertThrows(IllegalArgumentException.class, () -> options.withQueueSizeMax(100));
        assertThrows(IllegalArgumentException.class, () -> options.withQueueSizeMax(65536));
        for (long pageBytes : new long[] {0, 2048, 6000, 1L << 30}) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new BalloonTestRig(VirtioRig.Carrier.MMIO, options, pageBytes));
        }
    }

    // Inflate.

    @ParameterizedTest
    @MethodSource("ways")
    void inflatedPagesAreReleasedAndAcknowledged(VirtioRig.Carrier carrier, boolean packed) {
        BalloonTestRig rig = new BalloonTestRig(carrier, packed).bringUp(BalloonTestRig.ALL);
        rig.memory.fill(FREE_GPA, 4 * PAGE, (byte) 0x55);
        rig.transport.takeInterrupts();

        rig.inflate(FREE_GPA + PAGE, FREE_GPA + 3 * PAGE);

        assertEquals(
                List.of(new Range(FREE_GPA + PAGE, PAGE), new Range(FREE_GPA + 3 * PAGE, PAGE)), rig.host.take());
        assertEquals(0x55, rig.memory.readU8(FREE_GPA));
        assertEquals(0, rig.memory.readU8(FREE_GPA + PAGE));
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(2, rig.counter("inflated_pages"));
        assertEquals(2 * PAGE, rig.counter("released_bytes"));
    }

    @Test
    void adjacentPagesAreReleasedInOneGoInWhateverOrderTheyAreNamed() {
        BalloonTestRig rig = BalloonTestRig.running();
        long[] downwards = new long[256];
        for (int i = 0; i < downwards.length; i++) {
            downwards[i] = FREE_GPA + (downwards.length - 1 - i) * PAGE;
        }

        rig.inflate(downwards);

        assertEquals(List.of(new Range(FREE_GPA, 256 * PAGE)), rig.host.take());
    }

    @Test
    void requestLargerThanABatchIsReleasedInBatches() {
        BalloonTestRig rig = BalloonTestRig.running();
        long[] many = new long[PageBatch.CAPACITY + 2];
        for (int i = 0; i < many.length; i++) {
            many[i] = FREE_GPA + i * PAGE;
        }

        rig.inflate(many);

        assertEquals(
                List.of(
                        new Range(FREE_GPA, PageBatch.CAPACITY * PAGE),
                        new Range(FREE_GPA + PageBatch.CAPACITY * PAGE, 2 * PAGE)),
                rig.host.take());
    }

    @Test
    void pageNamedTwiceIsReleasedOnce() {
        BalloonTestRig rig = BalloonTestRig.running();

        rig.inflate(FREE_GPA, FREE_GPA + PAGE, FREE_GPA, FREE_GPA + PAGE);
        rig.inflate(FREE_GPA);

        assertEquals(List.of(new Range(FREE_GPA, 2 * PAGE), new Range(FREE_GPA, PAGE)), rig.host.take());
    }

    @Test
    void pagesOutsideOfRamAreLeftAlone() {
        BalloonTestRig rig = BalloonTestRig.running();

        rig.inflate(LOW_BYTES, HIGH_GPA - PAGE, HIGH_GPA + BalloonTestRig.HIGH_BYTES, 0xffff_ffffL << 12);

        assertEquals(List.of(), rig.host.take());
        assertEquals(4, rig.counter("invalid_pages"));
        assertEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
    }

    @Test
    void runThatLeavesRamIsReleasedAsFarAsItIsRam() {
        BalloonTestRig rig = BalloonTestRig.running();

        rig.inflate(LOW_BYTES - PAGE, LOW_BYTES, HIGH_GPA - PAGE, HIGH_GPA);

        assertEquals(List.of(new Range(LOW_BYTES - PAGE, PAGE), new Range(HIGH_GPA, PAGE)), rig.host.take());
        assertEquals(2, rig.counter("invalid_pages"));
    }

    @Test
    void numbersInPiecesOfABufferAreReadAsOne() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.pages(FREE_GPA, FREE_GPA + PAGE);

        // 2.7.4.1: the device must not depend on how a buffer is split.
        rig.send(0, Buffer.readable(DATA_GPA, 3), Buffer.readable(DATA_GPA + 3, 5));

        assertEquals(List.of(new Range(FREE_GPA, 2 * PAGE)), rig.host.take());
    }

    @Test
    void bytesThatAreNoWholeNumberAreIgnored() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.pages(FREE_GPA, FREE_GPA + PAGE);

        rig.send(0, Buffer.readable(DATA_GPA, 7));
        rig.send(0, Buffer.writable(DATA_GPA, 8));

        assertEquals(List.of(new Range(FREE_GPA, PAGE)), rig.host.take());
    }

    @Test
    void hugeRequestGoesOnInRounds() {
        BalloonTestRig rig = BalloonTestRig.running();
        // The same numbers again and again, by an indirect table: no page of them adjacent to another.
        long numbersGpa = 0x40_0000;
        for (int i = 0; i < 1024; i++) {
            rig.memory.writeU32(numbersGpa + i * 4L, (FREE_GPA >>> 12) + i * 2L % 512);
        }
        Buffer[] buffers = new Buffer[PIECES];
        Arrays.fill(buffers, Buffer.readable(numbersGpa, 4096));
        rig.queues[0].addIndirect(0x4_0000, buffers);
        rig.queues[0].publish();

        rig.transport.notifyQueue(0);

        // A round ends in the middle of the request, which is not acknowledged yet.
        assertTrue(rig.host.calls <= PageReleaser.ROUND_STEPS, rig.host.calls + " calls");
        assertFalse(rig.queues[0].pollUsed());
        rig.loop.runReady();
        assertTrue(rig.queues[0].pollUsed());
        assertEquals(PIECES * 1024L, rig.counter("inflated_pages"));
    }

    @Test
    void numbersOutsideOfRamDoNotKeepTheLoop() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.memory.fill(0x40_0000, 0x10_0000, (byte) 0xff);
        Buffer[] buffers = new Buffer[PIECES];
        Arrays.fill(buffers, Buffer.readable(0x40_0000, 0x10_0000));
        rig.queues[0].addIndirect(0x4_0000, buffers);
        rig.queues[0].publish();

        rig.transport.notifyQueue(0);

        assertEquals((long) PageReleaser.ROUND_STEPS * PageBatch.CAPACITY, rig.counter("inflated_pages"));
        rig.loop.runReady();
        // All the same number: one of each batch is looked at.
        assertEquals(PIECES * 0x4_0000L / PageBatch.CAPACITY, rig.counter("invalid_pages"));
    }

    @Test
    void memoryThatTheHostDoesNotTakeIsCounted() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.host.refusing = true;

        rig.inflate(FREE_GPA);

        assertEquals(PAGE, rig.counter("failed_bytes"));
        assertEquals(0, rig.counter("released_bytes"));
    }

    @Test
    void onlyWholePagesOfTheHostAreReleased() {
        VirtioBalloonOptions options = BalloonTestRig.options();
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, options, 4 * PAGE).bringUp(BalloonTestRig.ALL);
        long base = FREE_GPA + firstWhole(rig, FREE_GPA, 4 * PAGE);

        rig.inflate(base + PAGE, base + 2 * PAGE);
        rig.inflate(
                base - PAGE, base, base + PAGE, base + 2 * PAGE, base + 3 * PAGE, base + 4 * PAGE, base + 5 * PAGE);

        assertEquals(List.of(new Range(base, 4 * PAGE)), rig.host.take());
        assertEquals(5 * PAGE, rig.counter("kept_bytes"));
    }

    /** Returns how far it is from an address to the next one that is the start of a page of the host's. */
    private static long firstWhole(BalloonTestRig rig, long gpa, long pageBytes) {
        long hva = rig.memory.regions().get(0).segment().address() + gpa;
        return (hva + pageBytes - 1) / pageBytes * pageBytes - hva;
    }

    // Deflate.

    @ParameterizedTest
    @MethodSource("ways")
    void deflatedPagesAreAcknowledged(VirtioRig.Carrier carrier, boolean packed) {
        BalloonTestRig rig = new BalloonTestRig(carrier, packed).bringUp(BalloonTestRig.ALL);
        rig.inflate(FREE_GPA, FREE_GPA + PAGE);
        rig.host.take();
        rig.transport.takeInterrupts();

        rig.deflate(FREE_GPA, FREE_GPA + PAGE);

        assertEquals(List.of(), rig.host.take());
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(1, rig.counter("deflate_requests"));
        assertEquals(2, rig.counter("deflated_pages"));
    }

    @Test
    void deflatedPagesThatWereNeverInflatedAreHarmless() {
        BalloonTestRig rig = BalloonTestRig.running();

        rig.deflate(0xffff_ffffL << 12, LOW_BYTES, FREE_GPA);
        rig.send(1, Buffer.writable(DATA_GPA, 4));

        assertEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
    }

    // Reporting.

    @ParameterizedTest
    @MethodSource("ways")
    void reportedMemoryIsReleasedAndAcknowledged(VirtioRig.Carrier carrier, boolean packed) {
        BalloonTestRig rig = new BalloonTestRig(carrier, packed).bringUp(BalloonTestRig.ALL);
        rig.memory.fill(FREE_GPA, 0x10_0000, (byte) 0x55);
        rig.transport.takeInterrupts();

        rig.send(4, Buffer.writable(FREE_GPA, 0x4_0000), Buffer.writable(HIGH_GPA, 0x10_0000));

        assertEquals(List.of(new Range(FREE_GPA, 0x4_0000), new Range(HIGH_GPA, 0x10_0000)), rig.host.take());
        assertEquals(0, rig.memory.readU8(FREE_GPA));
        assertEquals(0x55, rig.memory.readU8(FREE_GPA + 0x4_0000));
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(1, rig.counter("reports"));
        assertEquals(0x14_0000, rig.counter("reported_bytes"));
    }

    @Test
    void reportIsTakenAtAllNumbersThatItsQueueMayHave() {
        // Linux numbers the queues that exist without gaps.
        long reporting = VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_REPORTING;
        BalloonTestRig withStatistics = new BalloonTestRig(VirtioRig.Carrier.MMIO, false)
                .bringUp(reporting | VirtioBalloonProtocol.VIRTIO_BALLOON_F_STATS_VQ, 0, List.of(0, 1, 2, 3));
        withStatistics.send(3, Buffer.writable(FREE_GPA, PAGE));
        assertEquals(List.of(new Range(FREE_GPA, PAGE)), withStatistics.host.take());

        BalloonTestRig alone =
                new BalloonTestRig(VirtioRig.Carrier.MMIO, false).bringUp(reporting, 0, List.of(0, 1, 2));
        alone.send(2, Buffer.writable(FREE_GPA, PAGE));
        assertEquals(List.of(new Range(FREE_GPA, PAGE)), alone.host.take());
    }

    @Test
    void queueWhoseFeatureWasNotChosenDoesNothing() {
        BalloonTestRig rig =
                new BalloonTestRig(VirtioRig.Carrier.MMIO, false).bringUp(NO_FEATURES, 0, List.of(0, 1, 2, 3, 4));

        for (int index = 2; index <= 4; index++) {
            rig.queues[index].offer(Buffer.writable(FREE_GPA, PAGE));
            rig.notifyQueue(index);
            assertFalse(rig.queues[index].pollUsed());
        }
        assertEquals(List.of(), rig.host.take());
    }

    @Test
    void reportedMemoryKeepsAPoisonThatIsNotZero() {
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, false)
                .bringUp(BalloonTestRig.ALL, 0xaaaa_aaaaL, List.of(0, 1, 2, 4));

        // "the device MUST NOT modify the content of a reported page to a value other than poison_val" (5.5.6.7.2).
        rig.send(4, Buffer.writable(FREE_GPA, 16 * PAGE));

        assertEquals(List.of(), rig.host.take());
        assertEquals(16 * PAGE, rig.counter("kept_bytes"));
        // What is inflated is the device's to change (5.5.6.2).
        rig.inflate(FREE_GPA);
        assertEquals(List.of(new Range(FREE_GPA, PAGE)), rig.host.take());
    }

    @Test
    void poisonThatWasNotNegotiatedDoesNotCount() {
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, false);
        long features = VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_REPORTING;
        rig.bringUp(features, 0, List.of(0, 1, 4));
        rig.driver.writeConfig(VirtioBalloonProtocol.POISON_VAL, 4, 0xaaaa_aaaaL);

        rig.send(4, Buffer.writable(FREE_GPA, PAGE));

        assertEquals(List.of(new Range(FREE_GPA, PAGE)), rig.host.take());
    }

    @Test
    void onlyWholePagesOfAReportAreReleased() {
        BalloonTestRig rig = BalloonTestRig.running();

        rig.send(
                4,
                Buffer.writable(FREE_GPA + 1, 2 * PAGE),
                Buffer.writable(FREE_GPA + 8 * PAGE + 8, PAGE),
                Buffer.writable(FREE_GPA + 16 * PAGE, PAGE - 1));

        assertEquals(List.of(new Range(FREE_GPA + PAGE, PAGE)), rig.host.take());
        assertEquals(PAGE + PAGE + PAGE - 1, rig.counter("kept_bytes"));
    }

    @Test
    void largeReportIsReleasedInPartsOverRounds() {
        BalloonTestRig rig = BalloonTestRig.running();
        long lengthBytes = LOW_BYTES - FREE_GPA;
        Buffer[] buffers = new Buffer[PIECES];
        Arrays.fill(buffers, Buffer.writable(FREE_GPA, lengthBytes));
        rig.queues[4].addIndirect(0x4_0000, buffers);
        rig.queues[4].publish();

        rig.transport.notifyQueue(4);

        assertFalse(rig.queues[4].pollUsed());
        assertTrue(rig.counter("released_bytes") <= PageReleaser.ROUND_BYTES + VirtioBalloon.RELEASE_BYTES_MAX);
        rig.loop.runReady();
        assertTrue(rig.queues[4].pollUsed());
        assertEquals(PIECES * lengthBytes, rig.counter("released_bytes"));
        assertEquals(0, rig.counter("kept_bytes"));
    }

    @Test
    void tableOfMorePiecesThanTheQueueHasIsRefused() {
        BalloonTestRig rig = BalloonTestRig.running();
        int count = PageReleaser.ROUND_STEPS + 1;
        Buffer[] buffers = new Buffer[count];
        Arrays.fill(buffers, Buffer.writable(FREE_GPA + 8, 16));
        rig.queues[4].addIndirect(0x4_0000, buffers);
        rig.queues[4].publish();

        rig.transport.notifyQueue(4);

        // 2.7.5.3.1.
        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertEquals(List.of(), rig.host.take());
    }

    // Endings.

    @Test
    void resetInTheMiddleOfARequestDropsIt() {
        BalloonTestRig rig = BalloonTestRig.running();
        Buffer[] buffers = new Buffer[PIECES];
        Arrays.fill(buffers, Buffer.writable(FREE_GPA, LOW_BYTES - FREE_GPA));
        rig.queues[4].addIndirect(0x4_0000, buffers);
        rig.queues[4].publish();
        rig.transport.notifyQueue(4);
        int before = rig.host.calls;

        rig.driver.reset();
        rig.loop.runReady();

        assertEquals(before, rig.host.calls);
        rig.bringUp(BalloonTestRig.ALL);
        rig.host.take();
        rig.inflate(FREE_GPA);
        assertEquals(List.of(new Range(FREE_GPA, PAGE)), rig.host.take());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void queueThatWasResetInTheMiddleOfARequestWorksAgain(VirtioRig.Carrier carrier, boolean packed) {
        BalloonTestRig rig = new BalloonTestRig(carrier, packed).bringUp(BalloonTestRig.ALL);
        Buffer[] buffers = new Buffer[PIECES];
        Arrays.fill(buffers, Buffer.writable(FREE_GPA, LOW_BYTES - FREE_GPA));
        rig.queues[4].addIndirect(0x4_0000, buffers);
        rig.queues[4].publish();
        rig.transport.notifyQueue(4);

        // 2.6.1.
        rig.driver.resetQueue(4);
        rig.loop.runReady();
        rig.setUpQueue(4);
        rig.host.take();
        rig.send(4, Buffer.writable(FREE_GPA, PAGE));

        assertEquals(List.of(new Range(FREE_GPA, PAGE)), rig.host.take());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void malformedQueueNeedsAResetAndWorksAfterIt(VirtioRig.Carrier carrier, boolean packed) {
        BalloonTestRig rig = new BalloonTestRig(carrier, packed).bringUp(BalloonTestRig.ALL);
        rig.queues[0].addMalformed();
        rig.queues[0].publish();
        rig.notifyQueue(0);

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        // Nothing is taken from any queue.
        rig.queues[4].offer(Buffer.writable(FREE_GPA, PAGE));
        rig.transport.notifyQueue(4);
        rig.device.requestMemoryReport();
        rig.loop.runReady();
        assertEquals(List.of(), rig.host.take());
        rig.driver.reset();
        rig.bringUp(BalloonTestRig.ALL);
        rig.inflate(FREE_GPA);
    }
}

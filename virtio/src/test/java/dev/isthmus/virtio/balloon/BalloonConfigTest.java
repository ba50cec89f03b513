// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What host and guest tell each other: sizes (virtio 1.2, section 5.5.6) and statistics (5.5.6.3). */
class BalloonConfigTest {
    private static final int STATSQ = VirtioBalloonProtocol.STATSQ;

    // Sizes.

    @ParameterizedTest
    @EnumSource(VirtioRig.Carrier.class)
    void driverIsToldOfTheTarget(VirtioRig.Carrier carrier) {
        BalloonTestRig rig = new BalloonTestRig(carrier, false).bringUp(BalloonTestRig.ALL);
        rig.transport.takeInterrupts();
        int generation = rig.driver.configGeneration();

        rig.device.setTargetBytes(0x10_0fff);
        rig.loop.runReady();

        // In pages of 4096 bytes, whatever the guest's are.
        assertEquals(0x100, rig.driver.readConfig(VirtioBalloonProtocol.NUM_PAGES, 4));
        assertEquals(0x10_0000, rig.device.targetBytes());
        assertNotEquals(generation, rig.driver.configGeneration());
        assertEquals(1, rig.transport.takeInterrupts());
    }

    @Test
    void targetThatStaysTheSameInterruptsNobody() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.device.setTargetBytes(0x10_0000);
        rig.loop.runReady();
        rig.transport.takeInterrupts();

        rig.device.setTargetBytes(0x10_0000);
        rig.loop.runReady();

        assertEquals(0, rig.transport.takeInterrupts());
    }

    @Test
    void targetSetBeforeAnyDriverIsThereForTheFirst() {
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, false);

        rig.device.setTargetBytes(VirtioBalloon.TARGET_BYTES_MAX);
        rig.bringUp(BalloonTestRig.ALL);

        assertEquals(0xffff_ffffL, rig.driver.readConfig(VirtioBalloonProtocol.NUM_PAGES, 4));
        assertEquals(VirtioBalloon.TARGET_BYTES_MAX, rig.device.targetBytes());
    }

    @Test
    void targetIsSetFromAnyThread() throws InterruptedException {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.transport.takeInterrupts();

        Thread other = new Thread(() -> rig.device.setTargetBytes(0x20_0000));
        other.start();
        other.join();
        rig.loop.runReady();

        assertEquals(0x200, rig.driver.readConfig(VirtioBalloonProtocol.NUM_PAGES, 4));
        assertEquals(1, rig.transport.takeInterrupts());
    }

    @Test
    void targetOutOfRangeIsRefused() {
        BalloonTestRig rig = BalloonTestRig.running();

        assertThrows(IllegalArgumentException.class, () -> rig.device.setTargetBytes(-1));
        assertThrows(
                IllegalArgumentException.class,
                () -> rig.device.setTargetBytes(VirtioBalloon.TARGET_BYTES_MAX + 1));
    }

    @ParameterizedTest
    @EnumSource(VirtioRig.Carrier.class)
    void driverTellsTheActualSize(VirtioRig.Carrier carrier) {
        BalloonTestRig rig = new BalloonTestRig(carrier, false).bringUp(BalloonTestRig.ALL);

        rig.driver.writeConfig(VirtioBalloonProtocol.ACTUAL, 4, 0xffff_ffffL);

        assertEquals(0xffff_ffffL, rig.driver.readConfig(VirtioBalloonProtocol.ACTUAL, 4));
        assertEquals(0xffff_ffffL << 12, rig.device.actualBytes());
    }

    @Test
    void otherWritesChangeNothing() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.device.setTargetBytes(0x30_0000);

        // num_pages and free_page_hint_cmd_id are not the driver's; fields are written as wide as they are (2.5.3.1).
        rig.driver.writeConfig(VirtioBalloonProtocol.NUM_PAGES, 4, 7);
        rig.driver.writeConfig(8, 4, 7);
        rig.device.writeConfig(VirtioBalloonProtocol.ACTUAL, 1, 7);
        rig.device.writeConfig(VirtioBalloonProtocol.ACTUAL + 1, 4, 7);
        rig.device.writeConfig(-4, 4, 7);
        rig.device.writeConfig(1L << 40, 4, 7);

        assertEquals(0x300, rig.driver.readConfig(VirtioBalloonProtocol.NUM_PAGES, 4));
        assertEquals(0, rig.driver.readConfig(8, 4));
        assertEquals(0, rig.device.actualBytes());
    }

    @Test
    void resetForgetsWhatTheDriverSaidAndKeepsTheTarget() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.device.setTargetBytes(0x30_0000);
        rig.driver.writeConfig(VirtioBalloonProtocol.ACTUAL, 4, 5);
        rig.driver.writeConfig(VirtioBalloonProtocol.POISON_VAL, 4, 6);
        rig.offerStatistics(Map.of(4, 100L));

        rig.driver.reset();

        assertEquals(0x30_0000, rig.device.targetBytes());
        assertEquals(0, rig.device.actualBytes());
        assertEquals(0, rig.driver.readConfig(VirtioBalloonProtocol.POISON_VAL, 4));
        assertNull(rig.device.memoryReport());
        // Nobody is there to be told.
        rig.transport.takeInterrupts();
        rig.device.setTargetBytes(0);
        rig.device.requestMemoryReport();
        rig.device.setReportInterval(Duration.ofSeconds(1));
        rig.loop.runReady();
        assertEquals(0, rig.transport.takeInterrupts());
    }

    // Statistics.

    private static OptionalLong value(BalloonTestRig rig, GuestMemoryStatistic statistic) {
        return Objects.requireNonNull(rig.device.memoryReport()).value(statistic);
    }

    @ParameterizedTest
    @MethodSource("dev.isthmus.virtio.balloon.VirtioBalloonTest#ways")
    void requestHandsTheBufferBackAndReadsTheNext(VirtioRig.Carrier carrier, boolean packed) {
        BalloonTestRig rig = new BalloonTestRig(carrier, packed).bringUp(BalloonTestRig.ALL);
        int first = rig.offerStatistics(Map.of(4, 100L));
        rig.transport.takeInterrupts();

        // The buffer is kept to begin a request with (5.5.6.3, step 5).
        assertFalse(rig.queues[STATSQ].pollUsed());
        assertEquals(OptionalLong.of(100), value(rig, GuestMemoryStatistic.MEMFREE));
        rig.device.requestMemoryReport();
        rig.loop.runReady();

        rig.assertUsed(STATSQ, first);
        assertEquals(1, rig.transport.takeInterrupts());
        rig.offerStatistics(Map.of(4, 200L));
        assertEquals(OptionalLong.of(200), value(rig, GuestMemoryStatistic.MEMFREE));
        assertEquals(2, Objects.requireNonNull(rig.device.memoryReport()).sequence());
    }

    @Test
    void allTagsAreTaken() {
        BalloonTestRig rig = BalloonTestRig.running();
        Map<Integer, Long> entries = new LinkedHashMap<>();
        for (GuestMemoryStatistic statistic : GuestMemoryStatistic.values()) {
            entries.put(statistic.tag(), 1000L + statistic.tag());
        }

        rig.offerStatistics(entries);

        for (GuestMemoryStatistic statistic : GuestMemoryStatistic.values()) {
            assertEquals(OptionalLong.of(1000L + statistic.tag()), value(rig, statistic), statistic.key());
        }
        assertEquals("swap_in", GuestMemoryStatistic.SWAP_IN.key());
        assertEquals(9, GuestMemoryStatistic.HTLB_PGFAIL.tag());
    }

    @Test
    void unknownTagsAreIgnoredAndTheOrderIsAny() {
        BalloonTestRig rig = BalloonTestRig.running();
        Map<Integer, Long> entries = new LinkedHashMap<>();
        entries.put(0xffff, 1L);
        entries.put(5, 2L);
        entries.put(GuestMemoryStatistic.COUNT, 3L);
        entries.put(0, -1L);

        rig.offerStatistics(entries);

        assertEquals(OptionalLong.of(2), value(rig, GuestMemoryStatistic.MEMTOT));
        assertEquals(OptionalLong.of(-1), value(rig, GuestMemoryStatistic.SWAP_IN));
        assertEquals(OptionalLong.empty(), value(rig, GuestMemoryStatistic.SWAP_OUT));
    }

    @Test
    void incompleteAndExcessiveEntriesAreIgnored() {
        BalloonTestRig rig = BalloonTestRig.running();

        int half = rig.queues[STATSQ].offer(Buffer.readable(BalloonTestRig.DATA_GPA, 9));
        rig.notifyQueue(STATSQ);
        assertNull(rig.device.memoryReport());

        for (int i = 0; i <= StatisticsQueue.ENTRIES_MAX; i++) {
            long gpa = BalloonTestRig.DATA_GPA + i * (long) VirtioBalloonProtocol.STAT_BYTES;
            rig.memory.writeU16(gpa, i == StatisticsQueue.ENTRIES_MAX ? 1 : 0);
            rig.memory.writeU64(gpa + 2, i);
        }
        rig.queues[STATSQ].offer(Buffer.readable(BalloonTestRig.DATA_GPA, 0x10_0000));
        rig.notifyQueue(STATSQ);

        // "at most one buffer" (5.5.6.3.1): of two, the older goes back.
        rig.assertUsed(STATSQ, half);
        assertEquals(OptionalLong.of(StatisticsQueue.ENTRIES_MAX - 1), value(rig, GuestMemoryStatistic.SWAP_IN));
        assertEquals(OptionalLong.empty(), value(rig, GuestMemoryStatistic.SWAP_OUT));
        assertEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
    }

    @Test
    void statisticsAreAskedForAtTheInterval() {
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, false);
        rig.device.setReportInterval(Duration.ofSeconds(2));
        rig.bringUp(BalloonTestRig.ALL);
        rig.offerStatistics(Map.of(4, 1L));

        rig.loop.advanceNanos(1_999_999_999L);
        assertFalse(rig.queues[STATSQ].pollUsed());
        rig.loop.advanceNanos(1);
        assertTrue(rig.queues[STATSQ].pollUsed());

        // A driver that does not answer is not asked again until it does.
        rig.loop.advanceNanos(10_000_000_000L);
        assertFalse(rig.queues[STATSQ].pollUsed());
        rig.offerStatistics(Map.of(4, 2L));
        assertFalse(rig.queues[STATSQ].pollUsed());
        rig.loop.advanceNanos(2_000_000_000L);
        assertTrue(rig.queues[STATSQ].pollUsed());
    }

    @Test
    void intervalChangesWhileTheDeviceIsInUse() {
        BalloonTestRig rig = BalloonTestRig.running();
        rig.offerStatistics(Map.of(4, 1L));
        rig.device.setReportInterval(Duration.ofMillis(100));
        rig.loop.runReady();
        rig.loop.advanceNanos(100_000_000);
        assertTrue(rig.queues[STATSQ].pollUsed());
        rig.offerStatistics(Map.of(4, 2L));

        rig.device.setReportInterval(Duration.ZERO);
        rig.loop.runReady();
        rig.loop.advanceNanos(10_000_000_000L);

        assertFalse(rig.queues[STATSQ].pollUsed());
    }

    @Test
    void intervalOutOfRangeIsRefused() {
        VirtioBalloon device = BalloonTestRig.running().device;

        assertThrows(IllegalArgumentException.class, () -> device.setReportInterval(Duration.ofMillis(99)));
        assertThrows(IllegalArgumentException.class, () -> device.setReportInterval(Duration.ofSeconds(-1)));
        assertThrows(IllegalArgumentException.class, () -> device.setReportInterval(Duration.ofDays(366)));
    }

    @Test
    void queueThatWasResetIsAskedForNothing() {
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.PCI_MSIX, false).bringUp(BalloonTestRig.ALL);
        rig.device.setReportInterval(Duration.ofSeconds(1));
        rig.offerStatistics(Map.of(4, 1L));

        rig.driver.resetQueue(STATSQ);
        rig.loop.advanceNanos(5_000_000_000L);
        assertFalse(rig.queues[STATSQ].pollUsed());
        rig.setUpQueue(STATSQ);
        rig.offerStatistics(Map.of(4, 2L));
        rig.loop.advanceNanos(1_000_000_000L);

        assertTrue(rig.queues[STATSQ].pollUsed());
    }

    @Test
    void deviceWorksWithoutAnyFeature() {
        BalloonTestRig rig = new BalloonTestRig(VirtioRig.Carrier.MMIO, false).bringUp(0, 0, List.of(0, 1));
        rig.device.requestMemoryReport();
        rig.device.setReportInterval(Duration.ofSeconds(1));
        rig.loop.advanceNanos(5_000_000_000L);

        rig.inflate(BalloonTestRig.FREE_GPA);
        rig.deflate(BalloonTestRig.FREE_GPA);

        assertEquals(BalloonTestRig.PAGE, rig.counter("released_bytes"));
    }
}

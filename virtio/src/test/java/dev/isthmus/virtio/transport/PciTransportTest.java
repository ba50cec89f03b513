// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The structures in the BAR, by the clauses of virtio 1.2, sections 2.1 to 2.5, 3.1 and 4.1. */
class PciTransportTest extends PciTransportFixture {
    // 4.1.4: capabilities.

    @Test
    void capabilitiesLieWithinTheBarApartFromEachOtherAndAligned() {
        // 4.1.4.1: offset and length within the BAR; 4.1.4.3.1, 4.1.4.4.1: aligned to 4 and 2 bytes.
        long end = 0;
        for (byte[] capability : inOrderOfOffset()) {
            assertEquals(0x09, capability[0], "cap_vndr");
            assertEquals(capability.length, capability[2], "cap_len");
            assertEquals(5, capability[PciRegisters.CAP_BAR], "bar");
            long offset = le32(capability, PciRegisters.CAP_OFFSET);
            assertEquals(0, offset % 4);
            assertTrue(offset >= end);
            end = offset + le32(capability, PciRegisters.CAP_LENGTH);
        }
        assertTrue(end <= PciRegisters.LENGTH_BYTES);
    }

    private List<byte[]> inOrderOfOffset() {
        return transport.capabilities(5).stream()
                .filter(capability -> capability[3] != PciRegisters.VIRTIO_PCI_CAP_PCI_CFG)
                .sorted((a, b) -> Long.compare(le32(a, PciRegisters.CAP_OFFSET), le32(b, PciRegisters.CAP_OFFSET)))
                .toList();
    }

    private static long le32(byte[] bytes, int offset) {
        return Byte.toUnsignedLong(bytes[offset])
                | Byte.toUnsignedLong(bytes[offset + 1]) << 8
                | Byte.toUnsignedLong(bytes[offset + 2]) << 16
                | Byte.toUnsignedLong(bytes[offset + 3]) << 24;
    }

    @Test
    void everyTypeOfStructureHasACapability() {
        List<Integer> types =
                transport.capabilities(0).stream().map(capability -> (int) capability[3]).sorted().toList();

        assertEquals(List.of(1, 2, 3, 4, 5), types);
    }

    @Test
    void notificationRegistersOfAllQueuesLieInTheirStructure() {
        // 4.1.4.4.1: cap.length >= queue_notify_off * notify_off_multiplier + 2, cap.offset aligned to 2.
        byte[] notify = transport.capabilities(0).stream()
                .filter(capability -> capability[3] == PciRegisters.VIRTIO_PCI_CAP_NOTIFY_CFG)
                .findFirst()
                .orElseThrow();
        long multiplier = le32(notify, PciRegisters.CAP_NOTIFY_OFF_MULTIPLIER);
        assertEquals(1, Long.bitCount(multiplier));
        for (int i = 0; i < 2; i++) {
            driver.write(PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
            long register = driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_NOFF, 2) * multiplier;

            assertTrue(le32(notify, PciRegisters.CAP_LENGTH) >= register + 2);
            assertEquals(PciTransport.notifyOffset(i), le32(notify, PciRegisters.CAP_OFFSET) + register);
        }
    }

    // 4.1.3: accesses in the natural width.

    @ParameterizedTest
    @CsvSource({"0, 2", "4, 1", "12, 8", "16, 4", "18, 1", "20, 2", "20, 4", "21, 2", "24, 4", "28, 1", "58, 4", "2, 2"})
    void fieldsOfOtherWidthsReadAsZeroAndIgnoreWrites(int field, int sizeBytes) {
        bringUp(0);
        device.takeCalls();

        assertEquals(0, driver.read(field, sizeBytes));
        driver.write(field, sizeBytes, 0);

        assertEquals(LIVE, driver.status());
        assertEquals(List.of(), device.takeCalls());
    }

    @ParameterizedTest
    @ValueSource(ints = {32, 40, 48})
    void addressesAreAccessedWholeOrInHalves(int field) {
        assertTrue(driver.negotiate(VERSION_1));

        driver.write(field, 8, 0x1122_3344_5566_7788L);
        assertEquals(0x5566_7788L, driver.read(field, 4));
        assertEquals(0x1122_3344L, driver.read(field + 4, 4));

        driver.write(field + 4, 4, 0x99aa_bbccL);
        assertEquals(0x99aa_bbcc_5566_7788L, driver.read(field, 8));
        assertEquals(0, driver.read(field + 4, 8));
    }

    @ParameterizedTest
    @ValueSource(longs = {-4, 0x3c, 0x100, 0x1001, 0x1ffc, 0x3ffc, 0x4000, Long.MAX_VALUE})
    void whatLiesBetweenTheStructuresReadsAsZeroAndIgnoresWrites(long offset) {
        transport.write(offset, 4, -1);

        assertEquals(0, transport.read(offset, 4));
        assertEquals(0, driver.status());
    }

    @ParameterizedTest
    @ValueSource(ints = {
        PciRegisters.VIRTIO_PCI_COMMON_NUMQ,
        PciRegisters.VIRTIO_PCI_COMMON_Q_NOFF,
        PciRegisters.VIRTIO_PCI_COMMON_Q_NDATA
    })
    void readOnlyFieldsIgnoreWrites(int field) {
        long before = driver.read(field, 2);

        driver.write(field, 2, 0x55);

        assertEquals(before, driver.read(field, 2));
    }

    // 4.1.4.3: common configuration.

    @Test
    void selectorsReadBackWhatWasWritten() {
        for (long value : new long[] {0, 1, 2, 0xffff_ffffL}) {
            driver.write(PciRegisters.VIRTIO_PCI_COMMON_DFSELECT, 4, value);
            driver.write(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4, value);
            assertEquals(value, driver.read(PciRegisters.VIRTIO_PCI_COMMON_DFSELECT, 4));
            assertEquals(value, driver.read(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4));
        }
        driver.write(PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT, 2, 0xfffe);
        assertEquals(0xfffe, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT, 2));
    }

    @Test
    void featuresReadBackAndAreFixedByFeaturesOk() {
        assertTrue(driver.negotiate(VERSION_1 | RecordingDevice.FEATURE));

        driver.writeDriverFeatures(VERSION_1);

        driver.write(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
        assertEquals(RecordingDevice.FEATURE, driver.read(PciRegisters.VIRTIO_PCI_COMMON_GF, 4));
        driver.write(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
        assertEquals(VERSION_1 >>> 32, driver.read(PciRegisters.VIRTIO_PCI_COMMON_GF, 4));
        driver.write(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4, 2);
        assertEquals(0, driver.read(PciRegisters.VIRTIO_PCI_COMMON_GF, 4));
    }

    /** 6.1: to be offered where the platform grants access to memory, as the bus master bit does. */
    @Test
    void offeredFeaturesAreThoseOfDeviceQueuesAndPlatform() {
        assertEquals(
                VERSION_1
                        | VirtioFeatures.VIRTIO_F_ACCESS_PLATFORM
                        | VirtioFeatures.VIRTIO_F_EVENT_IDX
                        | VirtioFeatures.VIRTIO_F_INDIRECT_DESC
                        | RING_RESET
                        | RecordingDevice.FEATURE
                        | RecordingDevice.DEPENDENT_FEATURE,
                driver.deviceFeatures());
    }

    /** 6.1: the device may, but need not, refuse to work where the driver leaves it. */
    @ParameterizedTest
    @ValueSource(longs = {0, VirtioFeatures.VIRTIO_F_ACCESS_PLATFORM})
    void deviceWorksWhetherOrNotAccessPlatformIsAccepted(long features) {
        bringUp(features);

        assertEquals(LIVE, driver.status());
        assertEquals(2, device.takeCalls().stream().filter(call -> call.startsWith("start")).count());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 1L << 34, 1L << 38, 1L << 63, RecordingDevice.DEPENDENT_FEATURE})
    void unfitFeaturesAreRefused(long features) {
        assertFalse(driver.negotiate(VERSION_1 | features));
        assertFalse(driver.negotiate(features));
    }

    @Test
    void queueSizeIsTheLargestAtFirstThenAsWritten() {
        // 4.1.4.3: "On reset, specifies the maximum queue size supported by the device."
        assertTrue(driver.negotiate(VERSION_1));
        assertEquals(2, driver.read(PciRegisters.VIRTIO_PCI_COMMON_NUMQ, 2));
        assertEquals(RecordingDevice.QUEUE_SIZE_MAX, driver.queueSizeMax(1));

        driver.write(PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);

        assertEquals(4, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE, 2));
        driver.reset();
        assertEquals(RecordingDevice.QUEUE_SIZE_MAX, driver.queueSizeMax(1));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 64, 0x7fff, 0xffff})
    void queueThatDoesNotExistHasSizeZeroAndTakesNothing(int none) {
        // 4.1.4.3.1
        assertTrue(driver.negotiate(VERSION_1));
        driver.describeQueue(none, 8, 0x1000, 0x2000, 0x3000);
        driver.enableQueue(none);

        assertEquals(0, driver.queueSizeMax(none));
        assertEquals(0, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_DESC, 8));
        assertEquals(0, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_NOFF, 2));
        assertEquals(NO_VECTOR, driver.setQueueVector(none, 0));
        assertFalse(driver.queueEnabled(none));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 0x8000, 0xffff})
    void queueIsEnabledByOneAlone(int value) {
        // 4.1.4.3.2: the driver must not write 0.
        assertTrue(driver.negotiate(VERSION_1));
        driver.describeQueue(0, 8, queue0.descriptorGpa(), queue0.availableGpa(), queue0.usedGpa());
        driver.write(PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE, 2, value);
        assertFalse(driver.queueEnabled(0));

        driver.enableQueue(0);
        driver.write(PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE, 2, value);
        assertTrue(driver.queueEnabled(0));
    }

    @Test
    void parametersOfAnEnabledQueueAreFixed() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.setUpQueue(0, queue0);

        driver.describeQueue(0, 2, 0x8000, 0x9000, 0xa000);

        assertEquals(queue0.size(), driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE, 2));
        assertEquals(queue0.descriptorGpa(), driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_DESC, 8));
        assertEquals(queue0.availableGpa(), driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_AVAIL, 8));
        assertEquals(queue0.usedGpa(), driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_USED, 8));
    }

    @Test
    void deviceIsActivatedWithItsEnabledQueues() {
        bringUp(RecordingDevice.FEATURE);

        assertEquals(LIVE, driver.status());
        assertEquals(
                List.of("activate 0x8", "start 0 8", "start 1 16", "notified 0", "notified 1"), device.takeCalls());
    }

    @Test
    void malformedQueueNeedsAResetAtDriverOk() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.describeQueue(0, 7, 1, 2, 3);
        driver.enableQueue(0);
        driver.driverOk();

        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        assertEquals(PciRegisters.VIRTIO_PCI_ISR_CONFIG, driver.takeIsr());
    }

    // 4.1.4.3.1, 2.4: resets.

    @Test
    void statusOfZeroResetsEverythingBeforeTheWriteReturns() {
        bringUp(RecordingDevice.FEATURE);
        driver.setConfigVector(0);
        driver.setQueueVector(0, 1);
        signals().usedBuffers(0);
        device.takeCalls();

        driver.reset();

        assertEquals(List.of("close"), device.takeCalls());
        assertEquals(0, driver.status());
        assertEquals(0, driver.takeIsr());
        assertFalse(irq.level());
        assertEquals(NO_VECTOR, driver.read(PciRegisters.VIRTIO_PCI_COMMON_MSIX, 2));
        for (int i = 0; i < 2; i++) {
            assertFalse(driver.queueEnabled(i));
            assertEquals(0, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_DESC, 8));
            assertEquals(NO_VECTOR, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX, 2));
        }
    }

    @Test
    void queueResetStopsTheQueueAndReadsAsDone() {
        // 4.1.4.3.1: 1 until the reset is over, then 0, with queue_enable 0.
        bringUp(RING_RESET);
        device.takeCalls();

        driver.resetQueue(1);

        assertEquals(List.of("stop 1"), device.takeCalls());
        assertEquals(0, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_RESET, 2));
        assertFalse(driver.queueEnabled(1));
        driver.setUpQueue(1, queue1);
        assertEquals(List.of("start 1 16", "notified 1"), device.takeCalls());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 0xffff})
    void queueIsResetByOneAlone(int value) {
        bringUp(RING_RESET);
        device.takeCalls();

        driver.write(PciRegisters.VIRTIO_PCI_COMMON_Q_RESET, 2, value);

        assertEquals(List.of(), device.takeCalls());
        assertTrue(driver.queueEnabled(1));
    }

    @Test
    void queueResetIsIgnoredWithoutItsFeature() {
        bringUp(0);
        device.takeCalls();

        driver.resetQueue(1);

        assertEquals(List.of(), device.takeCalls());
    }

    // 4.1.4.4, 4.1.5.2: available buffer notifications.

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void writeToANotificationRegisterNotifiesItsQueueWhateverIsWritten(int sizeBytes) {
        bringUp(0);
        device.takeCalls();

        transport.write(PciTransport.notifyOffset(1), sizeBytes, 0);
        assertEquals(List.of(), device.takeCalls(), "vCPUs do no work of the loop");
        loop.runReady();

        assertEquals(List.of("notified 1"), device.takeCalls());
    }

    @ParameterizedTest
    @ValueSource(longs = {0x3001, 0x3002, 0x3008, 0x3100, 0x3ffc})
    void writesBesideNotificationRegistersNotifyNobody(long offset) {
        bringUp(0);
        device.takeCalls();

        transport.write(offset, 2, 0);
        loop.runReady();

        assertEquals(List.of(), device.takeCalls());
        assertEquals(0, transport.read(0x3000, 2));
    }

    // 4.1.4.6 and 2.5: device-specific configuration.

    @Test
    void configurationIsAccessedInAnyWidth() {
        assertEquals(1, driver.readConfig(0, 1));
        assertEquals(0x0302, driver.readConfig(1, 2));
        assertEquals(0x0605_0403, driver.readConfig(2, 4));
        assertEquals(0, driver.readConfig(0xffc, 4));

        transport.write(PciRegisters.DEVICE_OFFSET + 3, 1, 0x55);
        assertEquals(List.of("config 3 1 85"), device.takeCalls());
    }

    @Test
    void configurationChangeGivesANewGenerationOfOneByte() {
        // 4.1.4.3.1
        for (int i = 0; i < 256; i++) {
            int before = driver.configGeneration();
            device.config.replace(new byte[] {(byte) (i + 2)});

            assertEquals((before + 1) & 0xff, driver.configGeneration());
        }
    }

    // The bus master bit (PCI 3.0, section 6.2.2): the device's right to access memory.

    @Test
    void driverOkWithoutTheRightToAccessMemoryNeedsAReset() {
        transport.allowMemory(false);

        bringUp(0);

        assertEquals(List.of(), device.takeCalls());
        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        transport.allowMemory(true);
        bringUp(0);
        assertEquals(LIVE, driver.status());
    }

    @Test
    void liveDeviceThatLosesTheRightToAccessMemoryStopsItsQueuesAndNeedsAReset() {
        bringUp(0);
        device.takeCalls();

        transport.allowMemory(false);

        assertEquals(List.of("take no more", "stop 0", "stop 1"), device.takeCalls());
        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        transport.notifyQueue(0);
        assertEquals(List.of(), device.takeCalls());
        transport.allowMemory(true);
        transport.notifyQueue(0);
        assertEquals(List.of(), device.takeCalls(), "only a reset helps");
    }

    @Test
    void rightToAccessMemoryIsGoneOnlyWhenTheRequestsThatAResetWaitsForHaveEnded() throws InterruptedException {
        bringUp(0);
        device.slow = true;
        Thread reset = Thread.ofPlatform().start(driver::reset);
        loop.awaitPosted(1);
        loop.runReady();
        Thread revocation = Thread.ofPlatform().start(() -> transport.allowMemory(false));
        loop.awaitPosted(1);
        loop.runReady();
        // It waits for the reset, which it joins.
        loop.awaitPosted(1);
        loop.runReady();
        assertTrue(revocation.isAlive());

        device.endRequests();
        while (revocation.isAlive()) {
            loop.runReady();
        }

        reset.join();
        assertEquals(0, driver.status());
    }

    @Test
    void deviceThatIsNotLiveMayLoseTheRightAndGetItBack() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.setUpQueue(0, queue0);
        transport.allowMemory(false);
        transport.allowMemory(true);
        driver.driverOk();

        assertEquals(LIVE, driver.status());
        assertEquals(List.of("activate 0x0", "start 0 8", "notified 0"), device.takeCalls());
    }
}

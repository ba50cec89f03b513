// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.VirtioIds;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The register interface, by the clauses of virtio 1.2, sections 2.1 to 2.5, 3.1 and 4.2. */
class MmioTransportTest extends MmioTransportFixture {
    // 4.2.2: the registers.

    @Test
    void identificationRegistersReadAsSpecified() {
        assertEquals(0x7472_6976, driver.read(MmioRegisters.VIRTIO_MMIO_MAGIC_VALUE));
        assertEquals(2, driver.read(MmioRegisters.VIRTIO_MMIO_VERSION));
        assertEquals(RecordingDevice.DEVICE_ID, driver.read(MmioRegisters.VIRTIO_MMIO_DEVICE_ID));
        assertEquals(VirtioIds.VENDOR_ID, driver.read(MmioRegisters.VIRTIO_MMIO_VENDOR_ID));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void controlRegistersIgnoreOtherWidthsThan32Bits(int sizeBytes) {
        transport.write(MmioRegisters.VIRTIO_MMIO_STATUS, sizeBytes, DeviceStatus.ACKNOWLEDGE);

        assertEquals(0, driver.status());
        assertEquals(0, transport.read(MmioRegisters.VIRTIO_MMIO_MAGIC_VALUE, sizeBytes));
    }

    @ParameterizedTest
    @ValueSource(longs = {0x001, 0x002, 0x018, 0x03c, 0x0c4, 0x0f8, 0x0fd})
    void undefinedAndUnalignedOffsetsReadAsZeroAndIgnoreWrites(long offset) {
        transport.write(offset, 4, 0xffff_ffffL);

        assertEquals(0, transport.read(offset, 4));
        assertEquals(0, driver.status());
    }

    @ParameterizedTest
    @ValueSource(ints = {
        MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL,
        MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES,
        MmioRegisters.VIRTIO_MMIO_QUEUE_SEL,
        MmioRegisters.VIRTIO_MMIO_QUEUE_NUM,
        MmioRegisters.VIRTIO_MMIO_QUEUE_NOTIFY,
        MmioRegisters.VIRTIO_MMIO_INTERRUPT_ACK,
        MmioRegisters.VIRTIO_MMIO_QUEUE_DESC_LOW,
        MmioRegisters.VIRTIO_MMIO_SHM_SEL
    })
    void writeOnlyRegistersReadAsZero(int register) {
        driver.write(register, 1);

        assertEquals(0, driver.read(register));
    }

    @Test
    void readOnlyRegistersIgnoreWrites() {
        driver.write(MmioRegisters.VIRTIO_MMIO_MAGIC_VALUE, 0);
        driver.write(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS, 3);

        assertEquals(MmioRegisters.MAGIC, driver.read(MmioRegisters.VIRTIO_MMIO_MAGIC_VALUE));
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 0xffff_ffffL})
    void sharedMemoryRegionsDoNotExist(long id) {
        driver.write(MmioRegisters.VIRTIO_MMIO_SHM_SEL, id);

        assertEquals(0xffff_ffffL, driver.read(MmioRegisters.VIRTIO_MMIO_SHM_LEN_LOW));
        assertEquals(0xffff_ffffL, driver.read(MmioRegisters.VIRTIO_MMIO_SHM_LEN_HIGH));
        assertEquals(0xffff_ffffL, driver.read(MmioRegisters.VIRTIO_MMIO_SHM_BASE_LOW));
        assertEquals(0xffff_ffffL, driver.read(MmioRegisters.VIRTIO_MMIO_SHM_BASE_HIGH));
    }

    // 2.2 and 3.1.1: features.

    /** 6.1: not ACCESS_PLATFORM, for nothing is between the device and memory. */
    @Test
    void version1AndRingFeaturesAreOfferedWithTheDevicesOwn() {
        assertEquals(
                VERSION_1
                        | VirtioFeatures.VIRTIO_F_EVENT_IDX
                        | VirtioFeatures.VIRTIO_F_INDIRECT_DESC
                        | RING_RESET
                        | RecordingDevice.FEATURE
                        | RecordingDevice.DEPENDENT_FEATURE,
                driver.deviceFeatures());
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 3, 0x7fff_ffffL, 0xffff_ffffL})
    void featureWordsBeyondTheSecondAreZero(long word) {
        driver.write(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);

        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES));
    }

    @Test
    void validSubsetIsAccepted() {
        assertTrue(driver.negotiate(VERSION_1));
        assertTrue(driver.negotiate(VERSION_1 | RecordingDevice.FEATURE));
        assertTrue(driver.negotiate(driver.deviceFeatures()));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 1L << 34, 1L << 38, 1L << 63})
    void featureThatWasNotOfferedIsRefused(long feature) {
        assertFalse(driver.negotiate(VERSION_1 | feature));
        driver.driverOk();

        assertEquals(DeviceStatus.ACKNOWLEDGE | DeviceStatus.DRIVER, driver.status());
        assertEquals(List.of(), device.takeCalls());
    }

    @Test
    void featureBeyondBit63IsRefused() {
        driver.addStatus(DeviceStatus.ACKNOWLEDGE);
        driver.addStatus(DeviceStatus.DRIVER);
        driver.writeDriverFeatures(VERSION_1);
        driver.write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
        driver.write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES, 1);
        driver.addStatus(DeviceStatus.FEATURES_OK);

        assertEquals(0, driver.status() & DeviceStatus.FEATURES_OK);
    }

    @Test
    void legacyDriverWithoutVersion1IsRefused() {
        assertFalse(driver.negotiate(RecordingDevice.FEATURE));
    }

    @Test
    void featureWithoutTheOneItNeedsIsRefusedByTheDevice() {
        assertFalse(driver.negotiate(VERSION_1 | RecordingDevice.DEPENDENT_FEATURE));
    }

    @Test
    void driverMayTryAgainWithFewerFeatures() {
        assertFalse(driver.negotiate(VERSION_1 | 1));
        driver.writeDriverFeatures(VERSION_1);
        driver.addStatus(DeviceStatus.FEATURES_OK);

        assertNotEquals(0, driver.status() & DeviceStatus.FEATURES_OK);
    }

    @Test
    void featuresAreFixedOnceFeaturesOkIsSet() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.writeDriverFeatures(VERSION_1 | RecordingDevice.FEATURE);
        driver.driverOk();

        assertEquals(List.of("activate 0x0"), device.takeCalls());
    }

    // 3.1.1 and 4.2.3.2: queues and DRIVER_OK.

    @Test
    void deviceIsActivatedWithItsReadyQueuesAtDriverOk() {
        bringUp(RecordingDevice.FEATURE);

        assertEquals(LIVE, driver.status());
        assertEquals(
                List.of("activate 0x8", "start 0 8", "start 1 16", "notified 0", "notified 1"), device.takeCalls());
    }

    @Test
    void queueThatIsNotReadyIsNotStarted() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.setUpQueue(1, queue1);
        driver.driverOk();

        assertEquals(List.of("activate 0x0", "start 1 16", "notified 1"), device.takeCalls());
        driver.notifyQueue(0);
        loop.runReady();
        assertEquals(List.of(), device.takeCalls());
    }

    @Test
    void deviceIsActivatedOnce() {
        bringUp(0);
        device.takeCalls();
        driver.driverOk();
        driver.write(MmioRegisters.VIRTIO_MMIO_STATUS, 0xff);

        assertEquals(List.of(), device.takeCalls());
    }

    @Test
    void driverOkWithoutFeaturesOkDoesNothing() {
        driver.addStatus(DeviceStatus.ACKNOWLEDGE);
        driver.addStatus(DeviceStatus.DRIVER);
        driver.driverOk();

        assertEquals(DeviceStatus.ACKNOWLEDGE | DeviceStatus.DRIVER, driver.status());
        assertEquals(List.of(), device.takeCalls());
    }

    @Test
    void maximumQueueSizeIsReportedAndZeroWhereThereIsNoQueue() {
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, 1);
        assertEquals(RecordingDevice.QUEUE_SIZE_MAX, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_NUM_MAX));

        for (long none : new long[] {2, 0x1_0000, 0x7fff_ffffL, 0x8000_0000L, 0xffff_ffffL}) {
            driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, none);
            driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_NUM, 8);
            driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
            assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_NUM_MAX));
            assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
        }
    }

    @Test
    void queueReadyReadsBackWhatWasWritten() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.setUpQueue(0, queue0);
        assertEquals(1, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));

        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 0);
        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void queueRegistersAreFixedWhileTheQueueIsReady() {
        // 4.2.2.2
        assertTrue(driver.negotiate(VERSION_1));
        driver.setUpQueue(0, queue0);
        driver.describeQueue(0, 3, 1, 1, 1);
        driver.driverOk();

        assertEquals(LIVE, driver.status());
    }

    @Test
    void queuesCannotBeSetUpBeforeFeaturesOk() {
        driver.addStatus(DeviceStatus.ACKNOWLEDGE);
        driver.addStatus(DeviceStatus.DRIVER);
        driver.setUpQueue(0, queue0);

        assertEquals(0, driver.read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY));
    }

    @Test
    void upperHalvesOfQueueAddressesCount() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.describeQueue(
                0, 8, queue0.descriptorGpa() | 1L << 32, queue0.availableGpa(), queue0.usedGpa());
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
        driver.driverOk();

        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 3, 32, 0xffff_ffffL})
    void badQueueSizeNeedsAResetAndSaysSo(long size) {
        assertTrue(driver.negotiate(VERSION_1));
        driver.describeQueue(0, size, queue0.descriptorGpa(), queue0.availableGpa(), queue0.usedGpa());
        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
        driver.driverOk();

        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        assertEquals(1, irq.takePulses());
        assertEquals(MmioRegisters.VIRTIO_MMIO_INT_CONFIG, driver.takeInterrupts());
        assertEquals(List.of(), device.takeCalls());
    }

    // 4.2.3.3: notifications from the driver.

    @Test
    void notificationByRegisterReachesTheDeviceOnTheLoop() {
        bringUp(0);
        device.takeCalls();

        driver.notifyQueue(1);
        driver.notifyQueue(0);
        driver.notifyQueue(1);
        assertEquals(List.of(), device.takeCalls());

        loop.runReady();
        assertEquals(List.of("notified 0", "notified 1"), device.takeCalls());
    }

    @Test
    void notificationByEventReachesTheDeviceAtOnce() {
        bringUp(0);
        device.takeCalls();

        transport.notifyQueue(1);

        assertEquals(List.of("notified 1"), device.takeCalls());
    }

    @Test
    void notificationsBeforeDriverOkAndAfterResetAreIgnored() {
        assertTrue(driver.negotiate(VERSION_1));
        driver.setUpQueue(0, queue0);
        driver.notifyQueue(0);
        transport.notifyQueue(0);
        loop.runReady();
        assertEquals(List.of(), device.takeCalls());

        driver.driverOk();
        driver.notifyQueue(0);
        driver.reset();
        device.takeCalls();
        loop.runReady();
        transport.notifyQueue(0);
        assertEquals(List.of(), device.takeCalls());
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 63, 64, 0x1_0000, 0x8000_0000L, 0xffff_ffffL})
    void notificationsForQueuesThatDoNotExistAreIgnored(long index) {
        bringUp(0);
        device.takeCalls();

        driver.write(MmioRegisters.VIRTIO_MMIO_QUEUE_NOTIFY, index);
        transport.notifyQueue((int) index);
        loop.runReady();

        assertEquals(List.of(), device.takeCalls());
    }

    // 4.2.3.4: notifications from the device.

    @Test
    void usedBufferNotificationSetsItsBitAndRaisesAnEdge() {
        bringUp(0);

        signals().usedBuffers(0);

        assertEquals(1, irq.takePulses());
        assertEquals(1, driver.read(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS));
    }

    @Test
    void everyEventRaisesAnEdgeEvenWhileItsBitIsSet() {
        bringUp(0);

        signals().usedBuffers(0);
        signals().usedBuffers(0);

        assertEquals(2, irq.takePulses());
    }

    @Test
    void acknowledgingClearsOnlyTheBitsWritten() {
        bringUp(0);
        signals().usedBuffers(0);
        signals().configChanged();
        assertEquals(3, driver.read(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS));

        driver.write(MmioRegisters.VIRTIO_MMIO_INTERRUPT_ACK, 0xffff_fffdL);

        assertEquals(
                MmioRegisters.VIRTIO_MMIO_INT_CONFIG, driver.read(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS));
    }

    @Test
    void malformedQueueSetsNeedsResetAndSendsAConfigurationChange() {
        // 2.1.2
        bringUp(0);
        device.takeCalls();

        signals().needsReset(0, "test");

        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        assertEquals(MmioRegisters.VIRTIO_MMIO_INT_CONFIG, driver.takeInterrupts());
        transport.notifyQueue(1);
        assertEquals(List.of("take no more"), device.takeCalls());
    }

    // 2.5: configuration space.

    @Test
    void configurationIsReadByteWise() {
        assertEquals(1, driver.readConfig(0, 1));
        assertEquals(0x0302, driver.readConfig(1, 2));
        assertEquals(0x0605_0403, driver.readConfig(2, 4));
        assertEquals(0x0807_0605_0403_0201L, driver.readConfig(0, 8));
        assertEquals(8, driver.readConfig(7, 4));
        assertEquals(0, driver.readConfig(0xfc, 4));
    }

    @Test
    void configurationWritesReachTheDevice() {
        transport.write(MmioRegisters.VIRTIO_MMIO_CONFIG + 3, 1, 0x55);

        assertEquals(List.of("config 3 1 85"), device.takeCalls());
    }

    @Test
    void configurationChangeGivesANewGenerationAndAnInterrupt() {
        bringUp(0);
        long before = driver.read(MmioRegisters.VIRTIO_MMIO_CONFIG_GENERATION);

        device.config.replace(new byte[] {9});
        signals().configChanged();

        assertNotEquals(before, driver.read(MmioRegisters.VIRTIO_MMIO_CONFIG_GENERATION));
        assertEquals(9, driver.readConfig(0, 1));
        assertEquals(MmioRegisters.VIRTIO_MMIO_INT_CONFIG, driver.takeInterrupts());
    }
}

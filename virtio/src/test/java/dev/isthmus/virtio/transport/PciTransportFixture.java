// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.FakeIrqLine;
import dev.isthmus.testing.device.FakeMsixVectors;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.PciDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A transport over PCI with a recording device behind it and a driver with two queues before it. */
abstract class PciTransportFixture {
    static final long VERSION_1 = VirtioFeatures.VIRTIO_F_VERSION_1;
    static final long RING_RESET = VirtioFeatures.VIRTIO_F_RING_RESET;
    static final int LIVE = DeviceStatus.ACKNOWLEDGE
            | DeviceStatus.DRIVER
            | DeviceStatus.FEATURES_OK
            | DeviceStatus.DRIVER_OK;
    static final int NO_VECTOR = PciRegisters.VIRTIO_MSI_NO_VECTOR;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    final ManualEventLoop loop = new ManualEventLoop();
    final FakeIrqLine irq = new FakeIrqLine();
    final RecordingDevice device = new RecordingDevice();
    final FakeMsixVectors msix = new FakeMsixVectors(PciTransport.vectorsFor(device));
    final PciTransport transport = new PciTransport(device, memory, loop, irq, msix, "test");
    final PciDriver driver = new PciDriver(transport, transport.capabilities(0), false);
    final QueueDriver queue0 = new QueueDriver(memory, 0x1000, 8, false);
    final QueueDriver queue1 = new QueueDriver(memory, 0x2000, 16, false);

    PciTransportFixture() {
        transport.allowMemory(true);
    }

    void bringUp(long features) {
        assertTrue(driver.negotiate(features | VERSION_1));
        driver.setUpQueue(0, queue0);
        driver.setUpQueue(1, queue1);
        driver.driverOk();
    }

    DriverSignals signals() {
        @Nullable Activation activation = device.activation;
        assertNotNull(activation);
        return activation.driver();
    }
}

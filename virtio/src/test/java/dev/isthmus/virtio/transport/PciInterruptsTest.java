// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Notifications from the device, by the clauses of virtio 1.2, sections 4.1.4.5 and 4.1.5. */
@Timeout(60)
class PciInterruptsTest extends PciTransportFixture {
    private static final int INT = PciRegisters.VIRTIO_PCI_ISR_INT;
    private static final int CONFIG = PciRegisters.VIRTIO_PCI_ISR_CONFIG;

    // 4.1.4.5.1 and 4.1.5.3: without MSI-X, ISR status and the line.

    @Test
    void usedBufferNotificationSetsItsBitAndTheLineUntilTheBitIsRead() {
        bringUp(0);

        signals().usedBuffers(1);
        assertTrue(irq.level());

        assertEquals(INT, driver.takeIsr());
        assertFalse(irq.level());
        assertEquals(0, driver.takeIsr());
    }

    @Test
    void configurationChangeSetsTheOtherBit() {
        bringUp(0);
        signals().usedBuffers(0);
        signals().configChanged();

        assertEquals(INT | CONFIG, driver.takeIsr());
        assertFalse(irq.level());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void isrIsReadInAnyWidth(int sizeBytes) {
        bringUp(0);
        signals().usedBuffers(0);

        assertEquals(INT, transport.read(PciRegisters.ISR_OFFSET, sizeBytes));
        assertFalse(irq.level());
    }

    @Test
    void isrIgnoresWrites() {
        bringUp(0);
        signals().usedBuffers(0);

        transport.write(PciRegisters.ISR_OFFSET, 1, 0);

        assertTrue(irq.level());
        assertEquals(INT, driver.takeIsr());
    }

    @Test
    void needsResetIsAChangeOfTheConfiguration() {
        // 2.1.2
        bringUp(0);

        signals().needsReset(0, "test");

        assertEquals(LIVE | DeviceStatus.DEVICE_NEEDS_RESET, driver.status());
        assertEquals(CONFIG, driver.takeIsr());
    }

    @Test
    void noEventIsLeftWithoutItsLine() throws InterruptedException {
        // A driver that takes the bits while the loop sets them: at the end either it saw the last event or the line is up.
        bringUp(0);
        CountDownLatch done = new CountDownLatch(1);
        int[] seen = new int[1];
        Thread cpu = new Thread(() -> {
            while (done.getCount() > 0) {
                seen[0] += driver.takeIsr();
            }
        });
        cpu.start();
        for (int i = 0; i < 200_000; i++) {
            signals().usedBuffers(0);
        }
        done.countDown();
        cpu.join();

        boolean left = irq.level();
        assertEquals(left ? INT : 0, driver.takeIsr());
        assertTrue(seen[0] > 0);
        assertFalse(irq.level());
    }

    // 4.1.5.1.2, 4.1.5.3: with MSI-X, vectors.

    @Test
    void eventsAreUnmappedAtFirst() {
        assertEquals(NO_VECTOR, driver.read(PciRegisters.VIRTIO_PCI_COMMON_MSIX, 2));
        assertEquals(NO_VECTOR, driver.read(PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX, 2));
    }

    @Test
    void eachEventIsSentByItsVector() {
        msix.setEnabled(true);
        bringUp(0);
        assertEquals(0, driver.setConfigVector(0));
        assertEquals(2, driver.setQueueVector(0, 2));
        assertEquals(1, driver.setQueueVector(1, 1));

        signals().usedBuffers(0);
        signals().usedBuffers(0);
        signals().usedBuffers(1);

        assertEquals(0, msix.takeSignals(0));
        assertEquals(1, msix.takeSignals(1));
        assertEquals(2, msix.takeSignals(2));
        signals().configChanged();
        assertEquals(1, msix.takeSignals(0));
        assertFalse(irq.level(), "the line with MSI-X");
    }

    @Test
    void oneVectorMayServeAll() {
        msix.setEnabled(true);
        bringUp(0);
        driver.setConfigVector(1);
        driver.setQueueVector(0, 1);
        driver.setQueueVector(1, 1);

        signals().usedBuffers(0);
        signals().usedBuffers(1);
        signals().configChanged();

        assertEquals(3, msix.takeSignals(1));
    }

    @Test
    void unmappedEventSendsNothing() {
        msix.setEnabled(true);
        bringUp(0);
        driver.setQueueVector(0, 1);
        assertEquals(NO_VECTOR, driver.setQueueVector(0, NO_VECTOR));

        signals().usedBuffers(0);
        signals().configChanged();

        for (int i = 0; i < msix.count(); i++) {
            assertEquals(0, msix.takeSignals(i));
        }
        assertFalse(irq.level());
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 0x7fff, 0xfffe})
    void vectorThatDoesNotExistReadsBackAsNone(int vector) {
        // 4.1.5.1.2.1
        assertEquals(NO_VECTOR, driver.setConfigVector(vector));
        assertEquals(NO_VECTOR, driver.setQueueVector(1, vector));
    }

    @Test
    void vectorThatCanNotBeHadReadsBackAsNone() {
        // 4.1.5.1.2.1: so that the driver makes do with fewer.
        msix.setClaimable(1);

        assertEquals(0, driver.setConfigVector(0));
        assertEquals(NO_VECTOR, driver.setQueueVector(0, 1));
        assertEquals(0, driver.setQueueVector(0, 0));
    }

    @Test
    void isrStatusIsKeptForDriversThatPollItWithMsix() {
        msix.setEnabled(true);
        bringUp(0);
        driver.setQueueVector(0, 1);

        signals().usedBuffers(0);
        signals().usedBuffers(0);
        signals().configChanged();

        assertEquals(INT | CONFIG, driver.takeIsr());
        assertFalse(irq.level());
    }

    @Test
    void resetForgetsWhatIsPending() {
        bringUp(0);
        int before = msix.clears();

        driver.reset();

        assertEquals(before + 1, msix.clears());
    }
}

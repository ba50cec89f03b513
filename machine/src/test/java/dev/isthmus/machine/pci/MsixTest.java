// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.List;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.BusDevice;
import dev.isthmus.testing.machine.FakeAccelerator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** MSI-X by the clauses of PCI 3.0, section 6.8.2. */
@Timeout(60)
class MsixTest {
    private static final int VECTORS = 70;
    private static final long APIC = 0xfee0_0000L;

    private final FakeAccelerator accelerator = new FakeAccelerator();
    private final Msix msix = new Msix(accelerator, VECTORS, "test");
    private final BusDevice table = msix.table();
    private final BusDevice pendingBits = msix.pendingBits();

    /** Writes an entry as drivers do: the message while it is masked, then the mask. */
    private void program(int vector, long address, int data) {
        setMask(vector, true);
        table.write(vector * 16L, 4, address & 0xffff_ffffL);
        table.write(vector * 16L + 4, 4, address >>> 32);
        table.write(vector * 16L + 8, 4, data);
        setMask(vector, false);
    }

    private void setMask(int vector, boolean masked) {
        table.write(vector * 16L + 12, 4, masked ? 1 : 0);
    }

    private boolean pending(int vector) {
        return (pendingBits.read(vector / 64 * 8L, 8) >>> vector & 1) != 0;
    }

    private FakeAccelerator.Route claim(int vector) {
        assertTrue(msix.claim(vector));
        return accelerator.routes().getLast();
    }

    // 6.8.2.1 to 6.8.2.3: the capability.

    @Test
    void capabilityTellsSizeAndPlaces() {
        assertArrayEquals(
                new byte[] {0x11, 0, VECTORS - 1, 0, 2, 0x40, 0, 0, 2, 0x70, 0, 0}, msix.capability(2, 0x4000, 0x7000));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2049})
    void numberOfVectorsOutOfRangeIsRefused(int count) {
        assertThrows(IllegalArgumentException.class, () -> new Msix(accelerator, count, "test"));
    }

    // 6.8.2.6 to 6.8.2.9: the table.

    @Test
    void vectorsAreMaskedAndEmptyAtFirst() {
        for (int i = 0; i < VECTORS; i++) {
            assertEquals(0, table.read(i * 16L, 8));
            assertEquals(1L << 32, table.read(i * 16L + 8, 8));
        }
    }

    @Test
    void entriesReadBackInBothWidths() {
        table.write(16, 8, 0x1122_3344_5566_7788L);
        table.write(24, 8, 0xffff_ffff_99aa_bbccL);

        assertEquals(0x5566_7788L, table.read(16, 4));
        assertEquals(0x1122_3344L, table.read(20, 4));
        assertEquals(0x99aa_bbccL, table.read(24, 4));
        assertEquals(1, table.read(28, 4), "reserved bits of vector control");
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "0, 2", "1, 4", "2, 4", "4, 8", "12, 8", "-4, 4", "1118, 4", "1120, 4", "1116, 8", "0, 3"})
    void otherAccessesReadAsZeroAndWriteNothing(long offset, int sizeBytes) {
        table.write(offset, sizeBytes, -1);

        assertEquals(0, table.read(offset, sizeBytes));
        assertEquals(0, table.read(0, 8));
        assertEquals(1L << 32, table.read(1112, 8), "the last entry");
    }

    @Test
    void messageIsWhatTheEntrySays() {
        FakeAccelerator.Route route = claim(3);
        msix.control(true, false);
        program(3, 0xfee1_3008L, 0x4051);

        msix.signal(3);

        assertEquals(0xfee1_3008L, route.address());
        assertEquals(0x4051, route.data());
        assertEquals(1, route.takeSignals());
    }

    @Test
    void messageMayChangeWhileTheVectorIsOpen() {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, false);
        program(0, APIC, 0x30);

        table.write(8, 4, 0x31);
        msix.signal(0);

        assertEquals(0x31, route.data());
        assertEquals(1, route.takeSignals());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 0x1000, 0xfed0_0000L, 0x1_fee0_0000L})
    void messageToNoLocalApicIsForgotten(long address) {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, false);
        program(0, address, 0x30);

        msix.signal(0);
        program(0, APIC, 0x30);

        assertEquals(0, route.takeSignals());
        assertFalse(pending(0));
    }

    @Test
    void entriesOfMaskedVectorsCostTheAcceleratorNothing() {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, true);
        program(0, APIC, 0x30);
        program(0, APIC, 0x31);
        assertEquals(0, route.sets());

        msix.control(true, false);
        assertEquals(1, route.sets());
    }

    // 6.8.2.3, 6.8.2.10: masking and pending bits.

    @Test
    void eventOfAMaskedVectorIsPendingAndSentOnceWhenUnmasked() {
        FakeAccelerator.Route route = claim(66);
        msix.control(true, false);
        program(66, APIC, 0x30);
        setMask(66, true);

        msix.signal(66);
        msix.signal(66);
        assertEquals(0, route.takeSignals());
        assertEquals(1 << 2, pendingBits.read(8, 8));
        assertEquals(1 << 2, pendingBits.read(8, 4));
        assertEquals(0, pendingBits.read(0, 8));

        setMask(66, false);
        assertEquals(1, route.takeSignals());
        assertFalse(pending(66));
    }

    @Test
    void functionMaskHoldsAllVectorsBack() {
        FakeAccelerator.Route first = claim(0);
        FakeAccelerator.Route last = claim(VECTORS - 1);
        msix.control(true, false);
        program(0, APIC, 0x30);
        program(VECTORS - 1, APIC, 0x31);
        msix.control(true, true);

        msix.signal(0);
        msix.signal(VECTORS - 1);
        assertTrue(pending(0) && pending(VECTORS - 1));

        msix.control(true, false);
        assertEquals(1, first.takeSignals());
        assertEquals(1, last.takeSignals());
    }

    @Test
    void vectorMaskedByBothIsSentWhenBothAreLifted() {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, true);
        program(0, APIC, 0x30);
        setMask(0, true);
        msix.signal(0);

        msix.control(true, false);
        assertEquals(0, route.takeSignals());
        setMask(0, false);
        assertEquals(1, route.takeSignals());
    }

    @Test
    void disablingForgetsWhatIsPending() {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, false);
        program(0, APIC, 0x30);
        setMask(0, true);
        msix.signal(0);

        msix.control(false, false);
        assertFalse(msix.enabled());
        assertFalse(pending(0));
        msix.signal(0);
        msix.control(true, false);
        setMask(0, false);

        assertEquals(0, route.takeSignals());
    }

    @Test
    void deviceResetForgetsWhatIsPending() {
        // 6.8.2.10: the event is satisfied otherwise, so no message may follow.
        FakeAccelerator.Route route = claim(0);
        msix.control(true, true);
        program(0, APIC, 0x30);
        msix.signal(0);

        msix.clearPending();
        msix.control(true, false);

        assertEquals(0, route.takeSignals());
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "0, 2", "2, 4", "4, 8", "12, 8", "16, 4", "-8, 8"})
    void otherAccessesToPendingBitsReadAsZero(long offset, int sizeBytes) {
        msix.control(true, true);
        for (int i = 0; i < VECTORS; i++) {
            msix.signal(i);
        }
        assertEquals(-1L, pendingBits.read(0, 8));
        assertEquals(0x3f, pendingBits.read(8, 8));
        assertEquals(0, pendingBits.read(12, 4));

        assertEquals(0, pendingBits.read(offset, sizeBytes));
    }

    @Test
    void pendingBitsAreReadOnly() {
        pendingBits.write(0, 8, -1);

        assertEquals(0, pendingBits.read(0, 8));
    }

    // Claims.

    @Test
    void onlyClaimedVectorsTakeAnInterruptOfTheHost() {
        msix.control(true, false);
        for (int i = 0; i < VECTORS; i++) {
            program(i, APIC, 0x30 + i);
        }
        assertEquals(List.of(), accelerator.routes());

        assertTrue(msix.claim(5));
        assertTrue(msix.claim(5));
        assertEquals(1, accelerator.routes().size());
        msix.signal(5);
        assertEquals(1, accelerator.routes().getFirst().takeSignals());
        assertEquals(0x35, accelerator.routes().getFirst().data());
    }

    @Test
    void vectorThatCanNotBeHadIsNotClaimedAndMayBeTriedAgain() {
        accelerator.setRoutesLeft(0);
        assertFalse(msix.claim(0));
        msix.control(true, false);
        program(0, APIC, 0x30);
        msix.signal(0);

        accelerator.setRoutesLeft(1);
        assertTrue(msix.claim(0));
        assertFalse(msix.claim(1));
    }

    // The machine's reset and end.

    @Test
    void resetMasksAllDisablesAndKeepsTheClaims() {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, false);
        program(0, APIC, 0x30);

        msix.reset();

        assertFalse(msix.enabled());
        assertEquals(0, table.read(0, 8));
        assertEquals(1L << 32, table.read(8, 8));
        msix.signal(0);
        assertTrue(msix.claim(0));
        assertEquals(1, accelerator.routes().size());
        msix.control(true, false);
        program(0, APIC, 0x32);
        assertEquals(0, route.takeSignals());
        msix.signal(0);
        assertEquals(1, route.takeSignals());
    }

    @Test
    void closeGivesTheRoutesBackAndNothingIsSentAfterwards() {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, false);
        program(0, APIC, 0x30);

        msix.close();
        msix.signal(0);
        program(0, APIC, 0x31);

        assertTrue(route.closed());
        assertEquals(0, route.takeSignals());
        assertFalse(msix.claim(1));
    }

    // Threads.

    @Test
    void nothingIsSentOnceTheMaskIsWrittenAndNothingGetsLost() throws InterruptedException {
        FakeAccelerator.Route route = claim(0);
        msix.control(true, false);
        program(0, APIC, 0x30);
        CountDownLatch done = new CountDownLatch(1);
        Thread sender = new Thread(() -> {
            while (done.getCount() > 0) {
                msix.signal(0);
            }
        });
        sender.start();
        for (int i = 0; i < 20_000; i++) {
            setMask(0, true);
            route.takeSignals();
            assertEquals(0, route.takeSignals(), "sent while masked");
            table.write(8, 4, i);
            setMask(0, false);
        }
        setMask(0, true);
        done.countDown();
        sender.join();
        msix.signal(0);
        route.takeSignals();

        setMask(0, false);
        assertEquals(1, route.takeSignals());
    }
}

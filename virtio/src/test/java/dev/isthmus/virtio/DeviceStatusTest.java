// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The transition table, by virtio 1.2, sections 2.1 and 3.1.1. */
class DeviceStatusTest {
    @ParameterizedTest
    @CsvSource({
        // The sequence of 3.1.1, with the bits accumulated as drivers do.
        "0x00, 0x01, 0x01",
        "0x01, 0x03, 0x03",
        "0x03, 0x0b, 0x0b",
        "0x0b, 0x0f, 0x0f",
        // The same with single bits, and all at once.
        "0x01, 0x02, 0x03",
        "0x0b, 0x04, 0x0f",
        "0x00, 0x0f, 0x0f",
        // Steps out of turn are not taken.
        "0x00, 0x02, 0x00",
        "0x00, 0x08, 0x00",
        "0x01, 0x09, 0x01",
        "0x03, 0x07, 0x03",
        "0x00, 0x04, 0x00",
        // FAILED at any time; no step after it.
        "0x00, 0x80, 0x80",
        "0x0f, 0x8f, 0x8f",
        "0x83, 0x8b, 0x83",
        // Reserved bits, and the device's own bit, cannot be set.
        "0x00, 0x31, 0x01",
        "0x0f, 0x4f, 0x0f",
        // DEVICE_NEEDS_RESET stays, whatever the driver writes, and ends all steps but FAILED.
        "0x4f, 0x0f, 0x4f",
        "0x43, 0x0b, 0x43",
        "0x4f, 0x80, 0xcf",
    })
    void writeLeadsToStatus(String current, String written, String expected) {
        assertEquals(
                Integer.decode(expected),
                DeviceStatus.afterWrite(Integer.decode(current), Integer.decode(written), true));
    }

    @ParameterizedTest
    @ValueSource(ints = {0x08, 0x0b, 0x0f, 0x0c})
    void featuresThatAreNotAcceptableKeepFeaturesOkAndDriverOkClear(int written) {
        assertEquals(0x03, DeviceStatus.afterWrite(0x03, written, false));
    }

    @Test
    void onceFeaturesAreOkALaterChangeDoesNotTakeThatBack() {
        assertEquals(0x0f, DeviceStatus.afterWrite(0x0b, 0x0f, false));
    }

    @Test
    void noWriteEverClearsABitOrSkipsAStep() {
        Random random = new Random(21);
        int status = 0;
        for (int i = 0; i < 100_000; i++) {
            boolean acceptable = random.nextBoolean();
            int written = random.nextInt() | 1;
            int next = DeviceStatus.afterWrite(status, written, acceptable);

            assertEquals(status, status & next);
            assertEquals(0, next & ~0xcf);
            assertTrue((next & DeviceStatus.DRIVER) == 0 || (next & DeviceStatus.ACKNOWLEDGE) != 0);
            assertTrue((next & DeviceStatus.FEATURES_OK) == 0 || (next & DeviceStatus.DRIVER) != 0);
            assertTrue((next & DeviceStatus.DRIVER_OK) == 0 || (next & DeviceStatus.FEATURES_OK) != 0);
            status = random.nextInt(8) == 0 ? 0 : next;
        }
    }

    @Test
    void deviceIsLiveFromDriverOkUntilItNeedsAReset() {
        assertFalse(DeviceStatus.isLive(0x0b));
        assertTrue(DeviceStatus.isLive(0x0f));
        assertFalse(DeviceStatus.isLive(0x4f));
    }
}

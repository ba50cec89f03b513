// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

class VirtioFsOptionsTest {
    @Test
    void tagAloneMakesADeviceWithOneRequestQueue() {
        VirtioFsOptions options = VirtioFsOptions.withTag("data");

        assertEquals("data", options.tag());
        assertEquals(1, options.requestQueues());
        assertEquals(VirtioFsOptions.DEFAULT_QUEUE_SIZE, options.queueSizeMax());
        assertFalse(options.packed());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a tag of more than thirty-six bytes is", "ääääääääääääääääääß", "a\0b"})
    void tagHasOneToThirtySixBytesOfWhichNoneIsZero(String tag) {
        assertThrows(IllegalArgumentException.class, () -> VirtioFsOptions.withTag(tag));
    }

    @Test
    void tagMayFillItsField() {
        assertEquals('t', VirtioFsOptions.withTag("t".repeat(36)).config()[35]);
    }

    @ParameterizedTest
    @CsvSource({"0, 64", "64, 64", "-1, 64", "1, 0", "1, 4", "1, 65", "1, 65536", "1, -8"})
    void numbersAndSizesOfQueuesHaveBounds(int queues, int size) {
        assertThrows(IllegalArgumentException.class, () -> new VirtioFsOptions("t", queues, size, false));
    }

    @ParameterizedTest
    @CsvSource({"1, 8", "63, 32768"})
    void boundsThemselvesAreAllowed(int queues, int size) {
        assertEquals(size, new VirtioFsOptions("t", queues, size, true).queueSizeMax());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

/** Virtio 1.2, section 2.5. */
class ConfigSpaceTest {
    private final byte[] bytes = {(byte) 0x81, (byte) 0x82, (byte) 0x83, (byte) 0x84, 5, 6, 7, 8, 9};
    private final ConfigSpace config = new ConfigSpace(bytes);

    @Test
    void valuesOfEveryWidthAndAlignmentAreLittleEndianAndZeroExtended() {
        assertEquals(0x81, config.read(0, 1));
        assertEquals(0x8382, config.read(1, 2));
        assertEquals(0x8483_8281L, config.read(0, 4));
        assertEquals(0x0908_0706_0584_8382L, config.read(1, 8));
    }

    @Test
    void bytesBehindTheEndReadAsZero() {
        assertEquals(9, config.read(8, 4));
        assertEquals(0, config.read(9, 4));
        assertEquals(0, config.read(Long.MAX_VALUE, 8));
        assertEquals(0, config.read(-1, 4));
    }

    @Test
    void laterChangesOfTheArrayDoNotShow() {
        bytes[0] = 0;

        assertEquals(0x81, config.read(0, 1));
    }

    @Test
    void newContentsHaveANewGeneration() {
        int before = config.generation();

        config.replace(new byte[] {1, 2});

        assertNotEquals(before, config.generation());
        assertEquals(2, config.lengthBytes());
        assertEquals(0x0201, config.read(0, 4));
    }

    @Test
    void sameContentsKeepTheirGeneration() {
        int before = config.generation();

        config.replace(bytes);

        assertEquals(before, config.generation());
    }
}

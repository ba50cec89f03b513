// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.util.HexFormat;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Encodings of ACPI 6.5, section 6.4. */
class ResourceTemplateTest {
    private static String hex(ResourceTemplate template) {
        return HexFormat.ofDelimiter(" ").formatHex(template.finish());
    }

    @Test
    void emptyTemplateIsAnEndTag() {
        assertEquals("79 00", hex(new ResourceTemplate()));
    }

    /** {@code IO (Decode16, 0x03F8, 0x03F8, 1, 8) IRQNoFlags () {4}}. */
    @Test
    void serialPortHasPortsAndAnIsaInterrupt() {
        assertEquals(
                "47 01 f8 03 f8 03 01 08 22 10 00 79 00",
                hex(new ResourceTemplate().io(0x3f8, 8).irqNoFlags(4)));
    }

    /**
     * {@code Memory32Fixed (ReadWrite, 0xFEB00000, 0x200) Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive)
     * {16}}.
     */
    @Test
    void virtioTransportHasMemoryAndAGlobalInterrupt() {
        assertEquals(
                "86 09 00 01 00 00 b0 fe 00 02 00 00 89 06 00 03 01 10 00 00 00 79 00",
                hex(new ResourceTemplate().memory32Fixed(0xfeb0_0000L, 0x200).interrupt(16)));
    }

    @Test
    void interruptsBeyondIsaHaveNoShortForm() {
        assertThrows(IllegalArgumentException.class, () -> new ResourceTemplate().irqNoFlags(16));
    }
}

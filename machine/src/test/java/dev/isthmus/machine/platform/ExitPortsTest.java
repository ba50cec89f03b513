// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.List;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

class ExitPortsTest {
    private final RecordingControl control = new RecordingControl();

    @Test
    void debugExitTakesTheValueByTheWidthOfTheAccess() {
        DebugExit port = new DebugExit(control);

        port.write(0, 1, 0xffff_ff2aL);
        port.write(0, 2, 0xffff_1234L);
        port.write(0, 4, 0xffff_ffff_8765_4321L);
        port.write(3, 1, 0x01);

        assertEquals(
                List.of("debug exit 2a", "debug exit 1234", "debug exit 87654321", "debug exit 1"),
                control.requests());
        assertEquals(0, port.read(0, 4));
    }

    @Test
    void pvpanicOffersBothEventsAndReportsThem() {
        PvPanic port = new PvPanic(control);
        assertEquals(3, port.read(0, 1));

        port.write(0, 1, 1);
        port.write(0, 1, 2);
        port.write(0, 1, 3);
        port.write(0, 1, 0xfc);

        assertEquals(List.of("panicked", "crash loaded", "panicked"), control.requests());
    }
}

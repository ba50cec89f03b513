// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class I8042Test {
    private static final int OUTPUT_BUFFER_FULL = 0x01;
    private static final int INPUT_BUFFER_FULL = 0x02;
    private static final int SYSTEM_FLAG = 0x04;
    private static final int AUX_DATA = 0x20;

    private final RecordingControl control = new RecordingControl();
    private final I8042 controller = new I8042(control);

    private int status() {
        return (int) controller.read(I8042.COMMAND_OFFSET, 1);
    }

    private int data() {
        assertTrue((status() & OUTPUT_BUFFER_FULL) != 0, "no reply");
        return (int) controller.read(I8042.DATA_OFFSET, 1);
    }

    private void command(int value) {
        assertEquals(0, status() & INPUT_BUFFER_FULL, "the controller takes commands at once");
        controller.write(I8042.COMMAND_OFFSET, 1, value);
    }

    private void parameter(int value) {
        controller.write(I8042.DATA_OFFSET, 1, value);
    }

    @Test
    void pulsingTheResetLineResets() {
        command(0xfe);

        assertEquals(List.of("reset"), control.requests());
    }

    @Test
    void pulsingOtherLinesDoesNot() {
        for (int command = 0xf1; command <= 0xff; command += 2) {
            command(command);
        }

        assertEquals(List.of(), control.requests());
    }

    @Test
    void outputPortWithTheResetLineLowResets() {
        command(0xd1);
        parameter(0xdf);
        assertEquals(List.of(), control.requests());
        command(0xd0);
        assertEquals(0xdf, data());

        command(0xd1);
        parameter(0xfe);

        assertEquals(List.of("reset"), control.requests());
    }

    @Test
    void linuxProbeEndsWithoutTimeOuts() {
        // i8042_flush(): nothing to read.
        assertEquals(0, status() & OUTPUT_BUFFER_FULL);
        // i8042_controller_selftest()
        command(0xaa);
        assertEquals(0x55, data());
        // i8042_controller_init(): the command byte reads the same twice, the keyboard is not locked, and it is kept.
        command(0x20);
        int first = data();
        command(0x20);
        assertEquals(first, data());
        assertNotEquals(0, status() & 0x10);
        command(0x60);
        parameter(0x35);
        command(0x20);
        assertEquals(0x35, data());
        // i8042_check_aux(): the loop's answer is not marked as the mouse's, and the port's test fails: no mouse.
        command(0xd3);
        parameter(0x5a);
        assertTrue((status() & OUTPUT_BUFFER_FULL) != 0);
        assertEquals(0, status() & AUX_DATA);
        assertEquals(0x5a, data());
        command(0xa9);
        assertEquals(0x01, data());
        // i8042_kbd_write(): taken, and never answered.
        parameter(0xf2);
        assertEquals(0, status() & (OUTPUT_BUFFER_FULL | INPUT_BUFFER_FULL));
    }

    @Test
    void selfTestSetsTheSystemFlagAndResetClearsIt() {
        assertEquals(0, status() & SYSTEM_FLAG);
        command(0xaa);
        assertNotEquals(0, status() & SYSTEM_FLAG);

        controller.reset();

        assertEquals(0, status() & (SYSTEM_FLAG | OUTPUT_BUFFER_FULL));
    }

    @Test
    void a20CommandsShowInTheOutputPort() {
        command(0xd0);
        assertNotEquals(0, data() & 0x02, "on from the start");
        command(0xdd);
        command(0xd0);
        assertEquals(0, data() & 0x02);
        command(0xdf);
        command(0xd0);
        assertNotEquals(0, data() & 0x02);
    }

    @Test
    void commandTakesThePlaceOfOneThatWaitsForItsParameter() {
        command(0xd1);
        command(0x20);
        int mode = data();
        parameter(0x00);

        assertEquals(List.of(), control.requests());
        command(0x20);
        assertEquals(mode, data());
    }

    @Test
    void portsBetweenBelongToNobody() {
        controller.write(1, 1, 0xff);
        assertEquals(0, controller.read(1, 1));
        assertFalse((status() & OUTPUT_BUFFER_FULL) != 0);
    }

    @Test
    void anyAccessesLeaveBytesInTheRegisters() {
        Random random = new Random(42);
        for (int i = 0; i < 100_000; i++) {
            controller.write(random.nextInt(5), 1 << random.nextInt(3), random.nextLong());
            assertEquals(0, controller.read(random.nextInt(5), 1) & ~0xffL);
        }
    }
}

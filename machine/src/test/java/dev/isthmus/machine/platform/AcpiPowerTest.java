// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.List;

import org.junit.jupiter.api.Test;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.testing.device.FakeLevelIrqLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class AcpiPowerTest {
    private static final int SLEEP_CONTROL = 0;
    private static final int RESET = 2;
    private static final int EVENTS = 4;

    private final RecordingControl control = new RecordingControl();
    private final FakeLevelIrqLine irq = new FakeLevelIrqLine();
    private final AcpiPower power = new AcpiPower(control, irq);

    @Test
    void sleepTypeFiveWithEnablePowersOff() {
        power.write(SLEEP_CONTROL, 1, 0x34);

        assertEquals(List.of("power off"), control.requests());
    }

    @Test
    void otherSleepTypesAndTypeFiveWithoutEnableDoNothing() {
        for (int value = 0; value < 256; value++) {
            if ((value & 0x3c) != 0x34) {
                power.write(SLEEP_CONTROL, 1, value);
            }
        }

        assertEquals(List.of(), control.requests());
    }

    @Test
    void onlyTheResetValueResets() {
        for (int value = 0; value < 256; value++) {
            power.write(RESET, 1, value);
        }

        assertEquals(List.of("reset"), control.requests());
    }

    @Test
    void powerButtonInterruptsUntilTheSelectorIsRead() {
        power.pressPowerButton();
        assertTrue(irq.level());

        assertEquals(MachineLayout.ACPI_GED_POWER_BUTTON, power.read(EVENTS, 4));

        assertFalse(irq.level());
        assertEquals(0, power.read(EVENTS, 4));
    }

    @Test
    void secondPressBeforeTheReadIsASecondEdge() {
        power.pressPowerButton();
        power.pressPowerButton();

        assertEquals(2, irq.takeEdges());
        assertEquals(MachineLayout.ACPI_GED_POWER_BUTTON, power.read(EVENTS, 4));
        assertEquals(0, power.read(EVENTS, 4));
    }

    @Test
    void resetForgetsThePress() {
        power.pressPowerButton();

        power.reset();

        assertFalse(irq.level());
        assertEquals(0, power.read(EVENTS, 4));
    }

    @Test
    void statusAndReservedRegistersReadZeroAndLeaveEventsAlone() {
        power.pressPowerButton();

        assertEquals(0, power.read(SLEEP_CONTROL, 4));

        assertTrue(irq.level());
    }

    @Test
    void accessesAcrossRegistersReachEach() {
        power.write(SLEEP_CONTROL, 4, 0x0042_0034L);
        assertEquals(List.of("power off", "reset"), control.requests());
        power.pressPowerButton();

        assertEquals((long) MachineLayout.ACPI_GED_POWER_BUTTON << 16, power.read(RESET, 4));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static dev.isthmus.machine.serial.UartRegisters.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SerialGateTest {
    private final UartRig rig = new UartRig();
    private final SerialGate gate = new SerialGate(rig.uart);

    @BeforeEach
    void closeTheGateInFrontOfAListeningGuest() {
        rig.uart.gateInput();
        rig.enableFifos(1);
        rig.listen();
        rig.out(IER_DLM, IER_RDI);
    }

    private void open(int value) {
        gate.write(0, 1, value);
        rig.settle();
    }

    /** Reads what has arrived, as a driver does. */
    private String received() {
        StringBuilder text = new StringBuilder();
        while (rig.lineStatus(LSR_DR)) {
            text.append((char) rig.in(RBR_THR_DLL));
            rig.settle();
        }
        return text.toString();
    }

    @Test
    void inputWaitsUntilTheGuestLetsItIn() {
        rig.host.send("hello");
        rig.settle();
        assertFalse(rig.irq.level());
        assertEquals("", received());

        open(SerialGate.ALL);

        assertTrue(rig.irq.level());
        assertEquals("hello", received());
        rig.host.send(" again");
        assertEquals(" again", received());
    }

    @Test
    void whoSendsWaitsToo() {
        rig.host.send(new byte[1 << 20]);
        rig.settle();

        assertTrue(rig.host.sentBytes() < ReceiveQueue.LINE_CHARACTERS);
        assertEquals(0, rig.host.port().receiveRoom());
    }

    @Test
    void moreThanTheLineHoldsArrivesCompleteAndInOrder() {
        byte[] sent = LiveLine.randomBytes(100_000, 1);
        rig.host.send(sent);

        StringBuilder received = new StringBuilder();
        for (int i = 0; i < 100 && received.length() < sent.length; i++) {
            open(127);
            received.append(received());
            assertTrue(received.length() <= (i + 1) * 127 * SerialGate.UNIT_CHARACTERS);
        }

        assertEquals(new String(sent, StandardCharsets.ISO_8859_1), received.toString());
    }

    @Test
    void countedInputStopsAtItsCountAndCountsAddUp() {
        rig.host.send("x".repeat(200));
        open(2);
        open(1);

        assertEquals(3 * SerialGate.UNIT_CHARACTERS, received().length());
        open(1);
        assertEquals(SerialGate.UNIT_CHARACTERS, received().length());
        open(SerialGate.ALL);
        assertEquals(200 - 4 * SerialGate.UNIT_CHARACTERS, received().length());
    }

    @Test
    void countsBeyondAllMeasureDoNotWrapAround() {
        for (int i = 0; i < 600_000; i++) {
            gate.write(0, 1, 255);
        }
        rig.host.send("still open");

        assertEquals("still open", received());
    }

    @Test
    void countBehindAllClosesNothing() {
        open(SerialGate.ALL);
        open(1);
        rig.host.send("x".repeat(100));

        assertEquals(100, received().length());
    }

    @Test
    void aBreakWaitsLikeACharacter() {
        rig.host.port().receiveBreak();
        assertFalse(rig.lineStatus(LSR_BI));

        open(1);

        assertTrue(rig.lineStatus(LSR_BI));
    }

    @Test
    void resetClosesTheGateInFrontOfWhatWasNotRead() {
        rig.host.send("abcdef");
        open(SerialGate.ALL);
        assertEquals('a', rig.in(RBR_THR_DLL));

        rig.uart.reset();
        rig.enableFifos(1);
        rig.listen();
        assertEquals("", received());
        open(SerialGate.ALL);

        assertEquals("bcdef", received());
    }

    @Test
    void charactersThatAFifoResetGivesBackMayArriveAgain() {
        rig.host.send("x".repeat(64));
        open(1);
        rig.in(RBR_THR_DLL);

        rig.enableFifos(1);
        rig.listen();

        assertEquals(SerialGate.UNIT_CHARACTERS - 1, received().length());
    }

    @Test
    void resetDoesNotCountWhatItGaveBack() {
        rig.host.send("x".repeat(64));
        open(1);

        rig.uart.reset();
        rig.enableFifos(1);
        rig.listen();

        assertEquals("", received());
    }

    @Test
    void readGivesZero() {
        assertEquals(0, gate.read(0, 1));
    }
}

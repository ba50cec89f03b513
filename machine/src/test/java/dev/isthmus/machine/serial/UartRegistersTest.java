// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import org.junit.jupiter.api.Test;

import static dev.isthmus.machine.serial.UartRegisters.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The registers by the PC16550D data sheet. */
class UartRegistersTest {
    private final UartRig rig = new UartRig();

    @Test
    void resetValuesAreThoseOfTheDataSheet() {
        rig.out(IER_DLM, 0x0f);
        rig.out(LCR, 0x1b);
        rig.out(MCR, 0x0f);
        rig.enableFifos(8);

        rig.uart.reset();

        assertEquals(0, rig.in(IER_DLM));
        assertEquals(IIR_NO_INTERRUPT, rig.in(IIR_FCR));
        assertEquals(0, rig.in(LCR));
        assertEquals(0, rig.in(MCR));
        assertEquals(LSR_THRE | LSR_TEMT, rig.in(LSR));
        assertEquals(MSR_CTS | MSR_DSR | MSR_DCD, rig.in(MSR));
        assertFalse(rig.irq.level());
    }

    @Test
    void divisorLatchIsReachedThroughDlabOnly() {
        rig.out(LCR, LCR_DLAB);
        rig.out(RBR_THR_DLL, 0x34);
        rig.out(IER_DLM, 0x12);

        assertEquals(0x34, rig.in(RBR_THR_DLL));
        assertEquals(0x12, rig.in(IER_DLM));
        rig.out(LCR, 3);
        assertEquals(0, rig.in(RBR_THR_DLL));
        assertEquals(0, rig.in(IER_DLM));
        rig.settle();
        assertEquals("", rig.host.text());
    }

    @Test
    void scratchKeepsAllBitsAndReservedBitsReadZero() {
        rig.out(SCR, 0xa5);
        rig.out(IER_DLM, 0xf0);
        rig.out(MCR, 0xe0);
        rig.out(LSR, 0xff);
        rig.out(MSR, 0xff);

        assertEquals(0xa5, rig.in(SCR));
        assertEquals(0, rig.in(IER_DLM));
        assertEquals(0, rig.in(MCR));
        assertEquals(LSR_THRE | LSR_TEMT, rig.in(LSR));
        assertEquals(MSR_CTS | MSR_DSR | MSR_DCD, rig.in(MSR));
    }

    @Test
    void iirShowsFifosOnlyWhileEnabled() {
        assertEquals(IIR_NO_INTERRUPT, rig.in(IIR_FCR));
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        assertEquals(IIR_FIFOS_ENABLED | IIR_NO_INTERRUPT, rig.in(IIR_FCR));
        rig.out(IIR_FCR, 0);
        assertEquals(IIR_NO_INTERRUPT, rig.in(IIR_FCR));
    }

    @Test
    void fcrBitsWithoutEnableAreNotProgrammed() {
        rig.out(IIR_FCR, 0xc0);
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        rig.listen();
        rig.out(IER_DLM, IER_RDI);
        rig.host.send("x");

        assertEquals(IIR_RECEIVED_DATA, rig.interruptId());
    }

    @Test
    void wideAccessReachesNeighbouringRegisters() {
        rig.uart.write(LCR, 2, 0x0b03);

        assertEquals(0x0b03, rig.uart.read(LCR, 2));
        assertEquals(0x600b03L, rig.uart.read(LCR, 4) & 0xffffff);
    }

    @Test
    void loopbackConnectsModemOutputsToInputsAndCountsTheirChanges() {
        rig.in(MSR);
        rig.out(MCR, MCR_LOOP);
        assertEquals(MSR_DCTS | MSR_DDSR | MSR_DDCD, rig.in(MSR));

        rig.out(MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
        assertEquals(MSR_CTS | MSR_DCD | MSR_DCTS | MSR_DDCD, rig.in(MSR));
        rig.out(MCR, MCR_LOOP | MCR_DTR | MCR_OUT1);
        assertEquals(MSR_DSR | MSR_RI | MSR_DCTS | MSR_DDSR | MSR_DDCD, rig.in(MSR));
        rig.out(MCR, MCR_LOOP | MCR_DTR);
        assertEquals(MSR_DSR | MSR_TERI, rig.in(MSR));
        assertEquals(MSR_DSR, rig.in(MSR));
    }

    @Test
    void modemStatusInterruptsUntilItIsRead() {
        rig.out(IER_DLM, IER_MSI);
        rig.out(MCR, MCR_LOOP);

        assertTrue(rig.irq.level());
        assertEquals(IIR_MODEM_STATUS, rig.interruptId());
        assertTrue(rig.irq.level());
        rig.in(MSR);
        assertFalse(rig.irq.level());
        assertEquals(IIR_NO_INTERRUPT, rig.interruptId());
    }

    @Test
    void loopbackReturnsCharactersAndSendsNone() {
        rig.out(MCR, MCR_LOOP);
        rig.out(RBR_THR_DLL, 0xae);

        assertTrue(rig.lineStatus(LSR_DR));
        assertEquals(0xae, rig.in(RBR_THR_DLL));
        assertFalse(rig.lineStatus(LSR_DR));
        rig.settle();
        assertEquals("", rig.host.text());
    }

    @Test
    void loopbackKeepsThePeerWaiting() {
        rig.enableFifos(1);
        rig.listen();
        rig.out(MCR, MCR_LOOP | MCR_RTS);
        rig.host.send("peer");

        assertFalse(rig.lineStatus(LSR_DR));
        rig.out(MCR, MCR_RTS);
        assertEquals('p', rig.in(RBR_THR_DLL));
    }

    @Test
    void seventeenthLoopedCharacterOverrunsTheFifoAndIsLost() {
        rig.enableFifos(14);
        rig.out(MCR, MCR_LOOP);
        for (int i = 0; i < 17; i++) {
            assertFalse(rig.lineStatus(LSR_OE));
            rig.out(RBR_THR_DLL, 'a' + i);
        }

        assertTrue(rig.lineStatus(LSR_OE));
        assertFalse(rig.lineStatus(LSR_OE), "reading LSR clears it");
        for (int i = 0; i < 16; i++) {
            assertEquals('a' + i, rig.in(RBR_THR_DLL));
        }
        assertFalse(rig.lineStatus(LSR_DR));
    }

    @Test
    void overrunWithoutFifosReplacesTheCharacter() {
        rig.out(MCR, MCR_LOOP);
        rig.out(RBR_THR_DLL, 'a');
        rig.out(RBR_THR_DLL, 'b');

        assertTrue(rig.lineStatus(LSR_OE));
        assertEquals('b', rig.in(RBR_THR_DLL));
        assertFalse(rig.lineStatus(LSR_DR));
    }

    @Test
    void resettingTheReceiveFifoDropsLoopedCharacters() {
        rig.enableFifos(14);
        rig.out(MCR, MCR_LOOP);
        rig.out(RBR_THR_DLL, 'a');

        rig.out(IIR_FCR, FCR_FIFO_ENABLE | FCR_RECEIVE_RESET);

        assertFalse(rig.lineStatus(LSR_DR));
        assertEquals(0, rig.in(RBR_THR_DLL));
    }

    @Test
    void characterBelowTheTriggerInterruptsAsTimeOut() {
        rig.enableFifos(8);
        rig.out(IER_DLM, IER_RDI);
        rig.host.send("1234567");
        assertEquals(IIR_CHARACTER_TIMEOUT, rig.interruptId());

        rig.host.send("8");

        assertEquals(IIR_RECEIVED_DATA, rig.interruptId());
        rig.in(RBR_THR_DLL);
        assertEquals(IIR_CHARACTER_TIMEOUT, rig.interruptId());
    }

    @Test
    void everyTriggerLevelIsTheBoundaryBetweenTimeOutAndData() {
        for (int level : new int[] {1, 4, 8, 14}) {
            UartRig fresh = new UartRig();
            fresh.enableFifos(level);
            fresh.out(IER_DLM, IER_RDI);
            fresh.host.send("x".repeat(level));
            assertEquals(IIR_RECEIVED_DATA, fresh.interruptId(), "at " + level);
            fresh.in(RBR_THR_DLL);
            assertEquals(level == 1 ? IIR_NO_INTERRUPT : IIR_CHARACTER_TIMEOUT, fresh.interruptId(), "below " + level);
        }
    }

    @Test
    void handlerThatTakesOneCharacterAnInterruptGetsThemAllByEdges() {
        rig.enableFifos(14);
        rig.out(IER_DLM, IER_RDI);
        rig.host.send("hello");

        StringBuilder received = new StringBuilder();
        while (rig.irq.takeEdges() > 0) {
            received.append((char) rig.in(RBR_THR_DLL));
        }
        assertEquals("hello", received.toString());
        assertFalse(rig.irq.level());
    }

    @Test
    void handlerThatTakesOneCharacterAnInterruptGetsThemAllWithoutFifos() {
        rig.out(IER_DLM, IER_RDI);
        rig.host.send("hello");

        StringBuilder received = new StringBuilder();
        while (rig.irq.takeEdges() > 0) {
            assertEquals(IIR_RECEIVED_DATA, rig.interruptId());
            received.append((char) rig.in(RBR_THR_DLL));
        }
        assertEquals("hello", received.toString());
    }

    @Test
    void enablingTheThreInterruptRaisesItEachTime() {
        for (int i = 0; i < 3; i++) {
            rig.out(IER_DLM, IER_THRI);
            assertTrue(rig.irq.level());
            assertEquals(IIR_THRE, rig.interruptId());
            assertFalse(rig.irq.level(), "reading IIR acknowledges");
            assertEquals(IIR_NO_INTERRUPT, rig.interruptId());
            rig.out(IER_DLM, 0);
        }
    }

    @Test
    void writingIerAgainWithTheThreInterruptOnDoesNotRaiseIt() {
        rig.out(IER_DLM, IER_THRI);
        rig.in(IIR_FCR);

        rig.out(IER_DLM, IER_THRI | IER_RDI);

        assertEquals(IIR_NO_INTERRUPT, rig.interruptId());
    }

    @Test
    void sentCharacterRaisesTheThreInterruptAgain() {
        rig.out(IER_DLM, IER_THRI);
        rig.in(IIR_FCR);
        rig.irq.takeEdges();

        rig.out(RBR_THR_DLL, 'x');

        assertEquals(1, rig.irq.takeEdges());
        assertEquals(IIR_THRE, rig.interruptId());
    }

    @Test
    void handlerThatSendsWithoutReadingIirGetsAnEdgeForEachCharacter() {
        rig.out(IER_DLM, IER_THRI);
        String text = "no iir read";
        int next = 0;
        while (rig.irq.takeEdges() > 0 && next < text.length()) {
            rig.out(RBR_THR_DLL, text.charAt(next++));
            rig.settle();
        }
        assertEquals(text, rig.host.text());
    }

    @Test
    void interruptsComeByPriority() {
        rig.enableFifos(1);
        rig.out(IER_DLM, IER_RDI | IER_THRI | IER_RLSI | IER_MSI);
        rig.out(MCR, MCR_LOOP);
        for (int i = 0; i < 17; i++) {
            rig.out(RBR_THR_DLL, i);
        }

        assertEquals(IIR_LINE_STATUS, rig.interruptId());
        rig.in(LSR);
        assertEquals(IIR_RECEIVED_DATA, rig.interruptId());
        for (int i = 0; i < 16; i++) {
            rig.in(RBR_THR_DLL);
        }
        assertEquals(IIR_THRE, rig.interruptId());
        assertEquals(IIR_MODEM_STATUS, rig.interruptId());
        rig.in(MSR);
        assertEquals(IIR_NO_INTERRUPT, rig.interruptId());
        assertFalse(rig.irq.level());
    }

    @Test
    void reportingAnotherInterruptDoesNotAcknowledgeThre() {
        rig.out(IER_DLM, IER_RDI | IER_THRI);
        rig.host.send("x");
        assertEquals(IIR_RECEIVED_DATA, rig.interruptId());

        rig.in(RBR_THR_DLL);

        assertEquals(IIR_THRE, rig.interruptId());
    }

    @Test
    void breakComesInOrderAsNulWithItsStatus() {
        rig.enableFifos(1);
        rig.out(IER_DLM, IER_RDI | IER_RLSI);
        rig.host.send("a");
        rig.host.port().receiveBreak();
        rig.host.send("b");

        assertEquals(IIR_RECEIVED_DATA, rig.interruptId());
        assertEquals(LSR_FIFO_ERROR | LSR_THRE | LSR_TEMT | LSR_DR, rig.in(LSR));
        assertEquals('a', rig.in(RBR_THR_DLL));
        assertEquals(IIR_LINE_STATUS, rig.interruptId());
        assertEquals(LSR_FIFO_ERROR | LSR_THRE | LSR_TEMT | LSR_DR | LSR_BI, rig.in(LSR));
        assertEquals(LSR_THRE | LSR_TEMT | LSR_DR, rig.in(LSR));
        assertEquals(0, rig.in(RBR_THR_DLL));
        assertEquals('b', rig.in(RBR_THR_DLL));
    }

    @Test
    void breakThatTheGuestSendsComesBackInLoopback() {
        rig.out(MCR, MCR_LOOP);
        rig.out(LCR, LCR_SET_BREAK);

        assertTrue(rig.lineStatus(LSR_BI));
        assertEquals(0, rig.in(RBR_THR_DLL));
    }
}

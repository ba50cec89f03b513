// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import org.junit.jupiter.api.Test;

import static dev.isthmus.machine.serial.UartRegisters.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The accesses that Linux's 8250 driver makes (drivers/tty/serial/8250/8250_port.c, 6.1), and what it concludes. */
class LinuxDriverTest {
    private static final int CONFIG_MODE_A = 0x80;
    private static final int CONFIG_MODE_B = 0xbf;

    private final UartRig rig = new UartRig();

    @Test
    void autoconfigFindsA16550A() {
        assertAutoconfigFinds16550A();
    }

    private void assertAutoconfigFinds16550A() {
        // autoconfig(): is there a chip?
        int ier = rig.in(IER_DLM);
        rig.out(IER_DLM, 0);
        assertEquals(0, rig.in(IER_DLM) & 0x0f);
        rig.out(IER_DLM, 0x0f);
        assertEquals(0x0f, rig.in(IER_DLM) & 0x0f);
        rig.out(IER_DLM, ier);

        // The loopback test.
        int mcr = rig.in(MCR);
        int lcr = rig.in(LCR);
        rig.out(MCR, MCR_LOOP | 0x0a);
        assertEquals(0x90, rig.in(MSR) & 0xf0);
        rig.out(MCR, mcr);

        // Which one? EFR with the FCR's address is written as on chips that have it.
        rig.out(LCR, CONFIG_MODE_B);
        rig.out(IIR_FCR, 0);
        rig.out(LCR, 0);
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        assertEquals(3, rig.in(IIR_FCR) >> 6, "UART_IIR_FIFO_ENABLED: a 16550A");

        // autoconfig_16550a(): none of the relatives.
        rig.out(LCR, CONFIG_MODE_A);
        assertNotEquals(0, rig.in(IIR_FCR), "no EFR of a 16C950 or 16850");
        rig.out(LCR, CONFIG_MODE_B);
        assertNotEquals(0, rig.in(IIR_FCR), "no EFR of a 16650");
        rig.out(LCR, 0);
        int status1 = rig.in(MCR);
        rig.out(LCR, 0xe0);
        int status2 = rig.in(IIR_FCR);
        assertEquals(0, (status2 ^ status1) & MCR_LOOP, "next, the NS16550A's bank switching");
        rig.out(LCR, 0);
        rig.out(MCR, status1 ^ MCR_LOOP);
        rig.out(LCR, 0xe0);
        assertEquals(0, (rig.in(IIR_FCR) ^ status1) & MCR_LOOP, "no bank switching");
        rig.out(LCR, 0);
        rig.out(MCR, status1);
        rig.out(IIR_FCR, 0x21);
        assertEquals(6, rig.in(IIR_FCR) >> 5, "no 64-byte FIFO");
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        rig.out(LCR, CONFIG_MODE_A);
        rig.out(IIR_FCR, 0x21);
        assertEquals(6, rig.in(IIR_FCR) >> 5, "no TI16750");
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        rig.out(LCR, 0);
        rig.out(IER_DLM, 0x40);
        assertEquals(0, rig.in(IER_DLM) & 0x40, "no XScale UUE bit");
        rig.out(IER_DLM, 0);

        // The end of autoconfig().
        rig.out(LCR, lcr);
        rig.out(MCR, mcr);
        clearFifos();
        rig.in(RBR_THR_DLL);
        rig.out(IER_DLM, 0);
    }

    private void clearFifos() {
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        rig.out(IIR_FCR, 0x07);
        rig.out(IIR_FCR, 0);
    }

    /** serial8250_do_startup() up to and with the interrupt enables of set_termios. */
    private void startUp() {
        clearFifos();
        rig.in(LSR);
        rig.in(RBR_THR_DLL);
        rig.in(IIR_FCR);
        rig.in(MSR);
        assertNotEquals(0xff, rig.in(LSR), "0xff means that there is no chip");

        // Test for UART_BUG_THRE.
        assertTrue(rig.lineStatus(LSR_THRE));
        rig.out(IER_DLM, IER_THRI);
        int iir1 = rig.in(IIR_FCR);
        rig.out(IER_DLM, 0);
        rig.out(IER_DLM, IER_THRI);
        int iir = rig.in(IIR_FCR);
        rig.out(IER_DLM, 0);
        assertEquals(0, iir1 & IIR_NO_INTERRUPT);
        assertEquals(0, iir & IIR_NO_INTERRUPT, "no UART_BUG_THRE");

        rig.out(LCR, 3);
        rig.out(MCR, MCR_OUT2 | MCR_DTR);

        // Test for UART_BUG_TXEN.
        rig.out(IER_DLM, IER_THRI);
        int lsr = rig.in(LSR);
        iir = rig.in(IIR_FCR);
        rig.out(IER_DLM, 0);
        assertFalse((lsr & LSR_TEMT) != 0 && (iir & IIR_NO_INTERRUPT) != 0, "no UART_BUG_TXEN");

        // "Clear the interrupt registers again for luck".
        rig.in(LSR);
        rig.in(RBR_THR_DLL);
        rig.in(IIR_FCR);
        rig.in(MSR);

        // serial8250_do_set_termios().
        rig.out(IER_DLM, IER_RLSI | IER_RDI);
        rig.out(LCR, LCR_DLAB | 3);
        rig.out(RBR_THR_DLL, 1);
        rig.out(IER_DLM, 0);
        rig.out(LCR, 3);
        rig.out(IIR_FCR, FCR_FIFO_ENABLE);
        rig.out(IIR_FCR, FCR_FIFO_ENABLE | 0x80);
        rig.out(MCR, MCR_OUT2 | MCR_DTR | MCR_RTS);
    }

    /** serial8250_handle_irq() until no interrupt is pending; returns what was received. */
    private String handleInterrupts(StringBuilder toSend) {
        StringBuilder received = new StringBuilder();
        while ((rig.in(IIR_FCR) & IIR_NO_INTERRUPT) == 0) {
            int lsr = rig.in(LSR);
            while ((lsr & (LSR_DR | LSR_BI)) != 0) {
                received.append((char) rig.in(RBR_THR_DLL));
                lsr = rig.in(LSR);
            }
            rig.in(MSR);
            if ((lsr & LSR_THRE) != 0) {
                int burst = Math.min(16, toSend.length());
                for (int i = 0; i < burst; i++) {
                    rig.out(RBR_THR_DLL, toSend.charAt(i));
                }
                toSend.delete(0, burst);
                if (toSend.isEmpty()) {
                    rig.out(IER_DLM, IER_RLSI | IER_RDI);
                }
            }
        }
        return received.toString();
    }

    @Test
    void startUpFindsNoBugsInTheChip() {
        startUp();

        assertEquals(IIR_NO_INTERRUPT | IIR_FIFOS_ENABLED, rig.in(IIR_FCR));
        assertFalse(rig.irq.level());
    }

    @Test
    void inputFromBeforeTheProbeReachesTheOpenedPort() {
        rig.host.send("typed before the guest was there\n");
        // earlyprintk raises DTR and RTS long before the driver probes.
        rig.listen();
        assertAutoconfigFinds16550A();
        startUp();

        assertTrue(rig.irq.level());
        assertEquals("typed before the guest was there\n", handleInterrupts(new StringBuilder()));
    }

    @Test
    void consolePollingForOutputDoesNotTakeInput() {
        rig.host.send("later");
        for (int i = 0; i < 200; i++) {
            assertTrue(rig.lineStatus(LSR_THRE));
            rig.out(RBR_THR_DLL, 'c');
            assertTrue(rig.lineStatus(LSR_THRE | LSR_TEMT));
        }
        startUp();

        assertEquals("later", handleInterrupts(new StringBuilder()));
    }

    @Test
    void interruptDrivenOutputIsSentInOneRunOfTheHandler() {
        startUp();
        StringBuilder toSend = new StringBuilder("0123456789".repeat(400));

        rig.out(IER_DLM, IER_RLSI | IER_RDI | IER_THRI);
        assertTrue(rig.irq.level());
        handleInterrupts(toSend);
        rig.settle();

        assertEquals("0123456789".repeat(400), rig.host.text());
        assertFalse(rig.irq.level());
    }

    @Test
    void sizeFifoCountsSixteen() {
        // size_fifo(): sends 256 characters in loopback and counts those that come back.
        rig.out(LCR, 0);
        rig.out(IIR_FCR, 0x07);
        rig.out(MCR, MCR_LOOP);
        for (int i = 0; i < 256; i++) {
            rig.out(RBR_THR_DLL, i);
        }
        int count = 0;
        while (rig.lineStatus(LSR_DR) && count < 256) {
            assertEquals(count, rig.in(RBR_THR_DLL));
            count++;
        }
        assertEquals(16, count);
    }
}

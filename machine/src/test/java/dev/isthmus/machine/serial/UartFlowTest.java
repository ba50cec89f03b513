// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.util.Random;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import static dev.isthmus.machine.serial.UartRegisters.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Flow in both directions: nothing lost, nothing without bound, nobody made to wait. */
class UartFlowTest {
    private static final int MEBIBYTE = 1 << 20;

    /** So many times without anything to do mean that nothing will come. */
    private static final int GIVE_UP = 1_000_000;

    private final UartRig rig = new UartRig();

    private static byte[] randomBytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    @Test
    void mebibyteFromAGuestThatPollsReachesASlowBackend() {
        byte[] sent = randomBytes(MEBIBYTE, 1);
        Random pace = new Random(2);
        rig.host.allow(0);
        int next = 0;
        int polls = 0;
        while (next < sent.length) {
            if (rig.lineStatus(LSR_THRE)) {
                rig.out(RBR_THR_DLL, sent[next++] & 0xff);
            } else if (++polls % 64 == 0) {
                assertTrue(polls < GIVE_UP, "the transmitter stays busy");
                rig.host.allow(pace.nextInt(3000));
                rig.settle();
            }
        }
        rig.host.allow(Long.MAX_VALUE);
        rig.settle();

        assertTrue(polls > 0, "the guest had to wait");
        assertEquals(0, rig.uart.lostBytes());
        assertArrayEquals(sent, rig.host.output());
    }

    @Test
    void mebibyteFromAGuestThatUsesInterruptsReachesASlowBackend() {
        byte[] sent = randomBytes(MEBIBYTE, 3);
        Random pace = new Random(4);
        rig.enableFifos(8);
        rig.host.allow(0);
        rig.out(IER_DLM, IER_THRI);
        int next = 0;
        int waits = 0;
        while (next < sent.length) {
            if (rig.irq.takeEdges() == 0) {
                assertTrue(++waits < GIVE_UP, "no interrupt comes");
                rig.host.allow(pace.nextInt(6000));
                rig.settle();
                continue;
            }
            // As Linux: a FIFO's worth an interrupt, until none is pending.
            while (rig.interruptId() == IIR_THRE && next < sent.length) {
                for (int i = 0; i < 16 && next < sent.length; i++) {
                    rig.out(RBR_THR_DLL, sent[next++] & 0xff);
                }
            }
        }
        rig.host.allow(Long.MAX_VALUE);
        rig.settle();

        assertTrue(waits > 10, "the guest had to wait");
        assertEquals(0, rig.uart.lostBytes());
        assertArrayEquals(sent, rig.host.output());
    }

    @Test
    void mebibyteFromTheBackendReachesAGuestThatPolls() {
        byte[] sent = randomBytes(MEBIBYTE, 5);
        rig.enableFifos(14);
        rig.host.send(sent);
        byte[] received = new byte[sent.length];
        int next = 0;
        int waits = 0;
        while (next < received.length) {
            if (rig.lineStatus(LSR_DR)) {
                received[next++] = (byte) rig.in(RBR_THR_DLL);
            } else {
                assertTrue(++waits < GIVE_UP, "no input comes");
                rig.settle();
            }
            assertTrue(rig.host.sentBytes() - next <= ReceiveQueue.LINE_CHARACTERS, "input read ahead is bounded");
        }

        assertArrayEquals(sent, received);
    }

    @Test
    void mebibyteFromTheBackendReachesAGuestThatUsesInterrupts() {
        byte[] sent = randomBytes(MEBIBYTE, 6);
        rig.enableFifos(8);
        rig.out(IER_DLM, IER_RDI | IER_RLSI);
        rig.host.send(sent);
        byte[] received = new byte[sent.length];
        int next = 0;
        while (next < received.length) {
            rig.settle();
            assertTrue(rig.irq.takeEdges() > 0, "an interrupt for what comes next");
            while (rig.interruptId() != IIR_NO_INTERRUPT) {
                while (rig.lineStatus(LSR_DR)) {
                    received[next++] = (byte) rig.in(RBR_THR_DLL);
                }
            }
        }

        assertArrayEquals(sent, received);
    }

    @Test
    void guestThatDoesNotReadStopsTheBackend() {
        rig.listen();
        rig.host.send(randomBytes(MEBIBYTE, 7));
        rig.settle();

        assertTrue(rig.host.sentBytes() <= ReceiveQueue.LINE_CHARACTERS);
        assertEquals(0, rig.host.port().receiveRoom());
    }

    @Test
    void transmitterIsBusyWhileTheBackendIsFullAndInterruptsWhenItIsNot() {
        rig.host.allow(0);
        int sent = 0;
        while (rig.lineStatus(LSR_THRE)) {
            rig.out(RBR_THR_DLL, sent++);
            rig.loop.runReady();
        }
        assertFalse(rig.lineStatus(LSR_TEMT));
        rig.out(IER_DLM, IER_THRI);
        assertFalse(rig.irq.level(), "no THRE interrupt while busy");

        rig.host.allow(Long.MAX_VALUE);

        assertTrue(rig.irq.level());
        assertEquals(IIR_THRE, rig.interruptId());
        assertTrue(rig.lineStatus(LSR_THRE));
        rig.settle();
        assertEquals(sent, rig.host.output().length);
    }

    @Test
    void sixteenBytesAfterThreNeverOverflow() {
        rig.host.allow(0);
        for (int burst = 0; burst < 10_000 && rig.lineStatus(LSR_THRE); burst++) {
            for (int i = 0; i < 16; i++) {
                rig.out(RBR_THR_DLL, 'x');
            }
        }

        assertFalse(rig.lineStatus(LSR_THRE));
        assertEquals(0, rig.uart.lostBytes());
    }

    @Test
    void senderWithoutRegardToLsrLosesBytesOnlyWhenTheRingIsFull() {
        rig.host.allow(0);
        for (int i = 0; i < MEBIBYTE; i++) {
            rig.out(RBR_THR_DLL, i);
        }
        rig.host.allow(Long.MAX_VALUE);
        rig.settle();

        assertEquals(TransmitRing.CAPACITY_BYTES, rig.host.output().length);
        assertEquals(MEBIBYTE - TransmitRing.CAPACITY_BYTES, rig.uart.lostBytes());
    }

    @Test
    void burstIsWrittenInFewPieces() {
        for (int i = 0; i < 2000; i++) {
            rig.out(RBR_THR_DLL, 'x');
            rig.loop.runReady();
        }
        rig.loop.advanceNanos(TimeUnit.MICROSECONDS.toNanos(Uart16550.LINGER_MICROS));

        assertEquals(2000, rig.host.output().length);
        assertTrue(rig.host.transmits() <= 2, "the first byte at once, the others together");
    }

    @Test
    void singleCharacterIsWrittenWithoutDelay() {
        rig.out(RBR_THR_DLL, 'a');
        rig.loop.runReady();
        assertEquals("a", rig.host.text());
        rig.settle();

        rig.out(RBR_THR_DLL, 'b');
        rig.loop.runReady();

        assertEquals("ab", rig.host.text());
    }

    @Test
    void outputFromBeforeAResetStillReachesTheHost() {
        rig.host.allow(0);
        rig.out(RBR_THR_DLL, 'x');
        rig.settle();

        rig.uart.reset();
        rig.host.allow(10);

        assertEquals("x", rig.host.text());
    }

    @Test
    void inputFromBeforeAResetIsSeenAfterIt() {
        rig.enableFifos(1);
        rig.listen();
        rig.host.send("abc");
        assertEquals('a', rig.in(RBR_THR_DLL));

        rig.uart.reset();

        assertEquals(0, rig.in(RBR_THR_DLL));
        rig.listen();
        assertEquals('b', rig.in(RBR_THR_DLL));
    }

    @Test
    void lastOutputIsKeptWhateverTheBackendDoes() {
        rig.host.allow(0);
        for (int line = 0; line < 1000; line++) {
            String text = "line " + line + "\r\n";
            for (int i = 0; i < text.length(); i++) {
                rig.out(RBR_THR_DLL, text.charAt(i));
            }
        }

        String tail = rig.uart.lastOutput();

        assertTrue(tail.endsWith("line 998\nline 999\n"), tail);
        assertTrue(tail.startsWith("line "), tail);
        assertTrue(tail.length() <= SerialTail.CAPACITY_BYTES);
    }

    @Test
    void closeClosesTheBackendOnce() {
        rig.uart.close();
        rig.uart.close();

        assertTrue(rig.host.isClosed());
    }
}

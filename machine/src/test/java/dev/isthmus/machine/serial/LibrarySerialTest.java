// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The backends for programs: captured output and streams. */
class LibrarySerialTest {
    private static final int MEBIBYTE = 1 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Test
    void capturedTextIsFoundWhereverItBegan() throws Exception {
        CapturedSerial serial = new CapturedSerial();
        try (LiveLine line = new LiveLine(serial)) {
            line.send(ascii("Welcome\nlogin: "));
            assertTrue(serial.awaitText("login: ", PATIENCE));
            CompletableFuture<Boolean> prompt = CompletableFuture.supplyAsync(() -> {
                try {
                    return serial.awaitText("# ", PATIENCE);
                } catch (InterruptedException e) {
                    return false;
                }
            });
            line.send(ascii("root\n#"));
            line.drain();
            line.send(ascii(" "));

            assertTrue(prompt.get(60, TimeUnit.SECONDS));
            assertEquals("Welcome\nlogin: root\n# ", serial.text());
        }
    }

    @Test
    void sameTextIsFoundAgainOnlyWhenItComesAgain() throws Exception {
        CapturedSerial serial = new CapturedSerial();
        try (LiveLine line = new LiveLine(serial)) {
            line.send(ascii("# ls\n# "));
            line.drain();

            assertTrue(serial.awaitText("# ", Duration.ZERO));
            assertTrue(serial.awaitText("# ", Duration.ZERO));
            assertFalse(serial.awaitText("# ", Duration.ZERO));
        }
    }

    @Test
    void waitingEndsWhenTheLineIsClosed() throws Exception {
        CapturedSerial serial = new CapturedSerial();
        LiveLine line = new LiveLine(serial);
        CompletableFuture<Boolean> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return serial.awaitText("never", PATIENCE);
            } catch (InterruptedException e) {
                return true;
            }
        });
        line.close();

        assertFalse(waiting.get(60, TimeUnit.SECONDS));
        assertThrows(IOException.class, () -> serial.write("too late"));
    }

    @Test
    void lastOutputIsKeptUpToTheCapacity() throws Exception {
        byte[] sent = LiveLine.randomBytes(MEBIBYTE, 1);
        CapturedSerial serial = new CapturedSerial(100_000);
        try (LiveLine line = new LiveLine(serial)) {
            line.send(sent);
            line.drain();
            line.send(ascii("the end"));
            line.drain();

            assertEquals(MEBIBYTE + 7, serial.outputBytes());
            byte[] kept = serial.bytes();
            assertEquals(100_000, kept.length);
            byte[] expected = Arrays.copyOf(sent, MEBIBYTE + 7);
            System.arraycopy(ascii("the end"), 0, expected, MEBIBYTE, 7);
            assertArrayEquals(Arrays.copyOfRange(expected, expected.length - 100_000, expected.length), kept);
            assertTrue(serial.awaitText("the end", Duration.ZERO));
        }
    }

    @Test
    void mebibyteIsCapturedWhole() {
        byte[] sent = LiveLine.randomBytes(MEBIBYTE, 2);
        CapturedSerial serial = new CapturedSerial();
        try (LiveLine line = new LiveLine(serial)) {
            line.send(sent);
            line.drain();

            assertArrayEquals(sent, serial.bytes());
        }
    }

    @Test
    void mebibyteOfWrittenInputReachesTheGuest() throws Exception {
        byte[] sent = LiveLine.randomBytes(MEBIBYTE, 3);
        CapturedSerial serial = new CapturedSerial();
        try (LiveLine line = new LiveLine(serial)) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                try {
                    serial.write(sent);
                } catch (IOException | InterruptedException e) {
                    throw new AssertionError(e);
                }
            });

            assertArrayEquals(sent, line.receive(sent.length));
            writer.get(60, TimeUnit.SECONDS);
        }
    }

    @Test
    void inputWrittenBeforeTheVmStartsReachesTheGuest() throws Exception {
        CapturedSerial serial = new CapturedSerial();
        serial.write("early");
        try (LiveLine line = new LiveLine(serial)) {
            assertEquals("early", new String(line.receive(5), StandardCharsets.US_ASCII));
        }
    }

    @Test
    void mebibyteGoesBothWaysThroughStreams() throws Exception {
        byte[] toGuest = LiveLine.randomBytes(MEBIBYTE, 4);
        byte[] toHost = LiveLine.randomBytes(MEBIBYTE, 5);
        StreamSerial serial = new StreamSerial();
        try (LiveLine line = new LiveLine(serial)) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                try {
                    serial.toGuest().write(toGuest);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            assertArrayEquals(toGuest, line.receive(toGuest.length));
            writer.get(60, TimeUnit.SECONDS);

            int before = line.sendUntilBusy(toHost);
            assertTrue(before < toHost.length, "a program that does not read makes the guest wait");
            CompletableFuture<byte[]> reader = CompletableFuture.supplyAsync(() -> {
                try {
                    return serial.fromGuest().readNBytes(toHost.length);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            line.send(Arrays.copyOfRange(toHost, before, toHost.length));
            assertArrayEquals(toHost, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void streamEndsBehindTheLastOutputWhenTheLineIsClosed() throws Exception {
        StreamSerial serial = new StreamSerial();
        try (LiveLine line = new LiveLine(serial)) {
            line.send(ascii("bye"));
            line.drain();
        }
        try (InputStream fromGuest = serial.fromGuest()) {
            assertEquals("bye", new String(fromGuest.readAllBytes(), StandardCharsets.US_ASCII));
        }
        assertThrows(IOException.class, () -> serial.toGuest().write(1));
    }

    @Test
    void outputOfAGuestThatEndsAtOnceIsDrained() {
        CapturedSerial serial = new CapturedSerial();
        try (LiveLine line = new LiveLine(serial)) {
            // As `rep outsb`: no look at LSR in between.
            byte[] text = ascii("Kernel panic - not syncing: on purpose\n".repeat(100));
            for (byte value : text) {
                line.uart.write(UartRegisters.RBR_THR_DLL, 1, value);
            }
            line.drain();

            assertEquals(new String(text, StandardCharsets.US_ASCII), serial.text());
        }
    }
}

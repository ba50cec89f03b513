// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The serial line as a pair of streams, and with it the input that programs write. */
class StreamSerialTest {
    private static final int MEBIBYTE = 1 << 20;

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Test
    void inputWrittenBeforeTheVmStartsReachesTheGuest() throws Exception {
        StreamSerial serial = new StreamSerial();
        serial.toGuest().write(ascii("early"));
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
    void writerThatWaitsForTheGuestIsToldWhenTheLineIsClosed() throws Exception {
        StreamSerial serial = new StreamSerial();
        LiveLine line = new LiveLine(serial);
        CompletableFuture<IOException> failure = new CompletableFuture<>();
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                // More than the line and the port hold: nobody reads.
                serial.toGuest().write(new byte[2 * HostInput.CAPACITY_BYTES]);
            } catch (IOException e) {
                failure.complete(e);
            }
        });
        line.receive(1);

        line.close();

        assertEquals("The serial line is closed", failure.get(60, TimeUnit.SECONDS).getMessage());
        writer.join();
    }

    @Test
    void outputOfAGuestThatEndsAtOnceIsDrained() throws Exception {
        StreamSerial serial = new StreamSerial();
        byte[] text = ascii("Kernel panic - not syncing: on purpose\n".repeat(100));
        try (LiveLine line = new LiveLine(serial)) {
            // As `rep outsb`: no look at LSR in between.
            for (byte value : text) {
                line.uart.write(UartRegisters.RBR_THR_DLL, 1, value);
            }
            line.drain();
        }

        assertArrayEquals(text, serial.fromGuest().readAllBytes());
    }
}

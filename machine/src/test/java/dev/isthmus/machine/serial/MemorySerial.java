// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;

/** A backend for tests: takes as much output as it is allowed to, keeps it, and sends input as far as there is room. */
final class MemorySerial implements SerialBackend {
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private byte[] input = new byte[0];
    private int inputPosition;
    private long allowance = Long.MAX_VALUE;
    private boolean refused;
    private int transmits;
    private boolean closed;
    private @Nullable SerialPort port;

    @Override
    public void attach(EventLoop loop, SerialPort attachedPort) {
        port = attachedPort;
    }

    @Override
    public int transmit(MemorySegment source) {
        transmits++;
        int taken = (int) Math.min(source.byteSize(), allowance);
        output.writeBytes(source.asSlice(0, taken).toArray(ValueLayout.JAVA_BYTE));
        allowance -= taken;
        refused = taken < source.byteSize();
        return taken;
    }

    @Override
    public void receiveReady() {
        sendInput();
    }

    @Override
    public void close() {
        closed = true;
    }

    /** Takes so many bytes from now on, then no more. */
    void allow(long bytes) {
        allowance = bytes;
        if (refused && bytes > 0) {
            refused = false;
            port().transmitReady();
        }
    }

    /** Has bytes sent to the guest, at once as far as there is room. */
    void send(byte[] bytes) {
        if (inputPosition < input.length) {
            throw new IllegalStateException("the last input has not been sent");
        }
        input = bytes.clone();
        inputPosition = 0;
        sendInput();
    }

    void send(String text) {
        send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void sendInput() {
        while (inputPosition < input.length) {
            int length = Math.min(port().receiveRoom(), input.length - inputPosition);
            if (length == 0) {
                return;
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment segment = arena.allocate(length);
                MemorySegment.copy(input, inputPosition, segment, ValueLayout.JAVA_BYTE, 0, length);
                inputPosition += length;
                port().receive(segment);
            }
        }
    }

    /** Returns how much of the input has been handed to the port. */
    int sentBytes() {
        return inputPosition;
    }

    SerialPort port() {
        if (port == null) {
            throw new IllegalStateException("not attached");
        }
        return port;
    }

    byte[] output() {
        return output.toByteArray();
    }

    String text() {
        return output.toString(StandardCharsets.ISO_8859_1);
    }

    int transmits() {
        return transmits;
    }

    boolean isClosed() {
        return closed;
    }
}

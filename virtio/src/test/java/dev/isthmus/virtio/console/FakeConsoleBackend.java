// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** The host's end of a port in the hands of a test, which sees to it that the device keeps the contract. */
final class FakeConsoleBackend implements ConsoleBackend {
    private @Nullable Port port;
    private final Deque<Byte> input = new ArrayDeque<>();
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();

    /** How much it takes before it is full. */
    int room = Integer.MAX_VALUE;

    final List<Boolean> opened = new ArrayList<>();
    private boolean waitsForRoom;

    Port port() {
        return Objects.requireNonNull(port);
    }

    /** Has input come. */
    void type(byte... bytes) {
        for (byte value : bytes) {
            input.add(value);
        }
        if (!waitsForRoom) {
            deliver();
        }
    }

    void type(String text) {
        type(text.getBytes(StandardCharsets.UTF_8));
    }

    private void deliver() {
        while (!input.isEmpty()) {
            int count = Math.min(port().receiveRoom(), input.size());
            if (count == 0) {
                waitsForRoom = true;
                return;
            }
            byte[] bytes = new byte[count + 1];
            for (int i = 0; i < count; i++) {
                bytes[i + 1] = input.remove();
            }
            port().receive(MemorySegment.ofArray(bytes), 1, count);
        }
    }

    int waiting() {
        return input.size();
    }

    byte[] taken() {
        return output.toByteArray();
    }

    String text() {
        return output.toString(StandardCharsets.UTF_8);
    }

    void makeRoom(int bytes) {
        room = bytes;
        port().transmitReady();
    }

    boolean guestOpen() {
        return !opened.isEmpty() && opened.getLast();
    }

    @Override
    public void attach(EventLoop loop, Port newPort) {
        assertTrue(port == null);
        port = newPort;
    }

    @Override
    public int transmit(MemorySegment source, long offset, int lengthBytes) {
        assertTrue(lengthBytes > 0);
        int count = Math.min(room, lengthBytes);
        output.writeBytes(source.asSlice(offset, count).toArray(ValueLayout.JAVA_BYTE));
        if (room != Integer.MAX_VALUE) {
            room -= count;
        }
        return count;
    }

    @Override
    public void receiveReady() {
        assertTrue(waitsForRoom, "told without need");
        waitsForRoom = false;
        deliver();
    }

    @Override
    public void guestOpened(boolean open) {
        assertTrue(open != guestOpen(), "no change");
        opened.add(open);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A program's end of a connection in the hands of a test, which sees to it that the device keeps the contract. */
final class FakeVsockConnection implements VsockConnection {
    private @Nullable Events events;

    /** What the program has sent and the device has not read. */
    private byte[] toGuest = new byte[0];

    /** What the program was given. */
    private final ByteArrayOutputStream fromGuest = new ByteArrayOutputStream();

    /** How much the program takes before its socket is full. */
    int room = Integer.MAX_VALUE;

    /** Most that one read gives. */
    int readMax = Integer.MAX_VALUE;

    boolean refusesOpening;
    boolean ended;
    boolean broken;
    boolean hungUp;
    long openedPort = -1;
    boolean watchesRead;
    boolean watchesWrite;
    int watchChanges;
    boolean outputEnded;
    boolean inputEnded;
    boolean closed;

    Events events() {
        return Objects.requireNonNull(events);
    }

    /** Has the program send, and the device know if it asks. */
    void send(byte[] bytes) {
        int before = toGuest.length;
        toGuest = Arrays.copyOf(toGuest, before + bytes.length);
        System.arraycopy(bytes, 0, toGuest, before, bytes.length);
        tell();
    }

    /** Has the program end its sending. */
    void endSending() {
        ended = true;
        tell();
    }

    /** Has the program go. */
    void hangUp() {
        ended = true;
        room = 0;
        broken = true;
        hungUp = true;
        events().hungUp();
    }

    /** Has the program take so much more. */
    void makeRoom(int bytes) {
        room = bytes;
        tell();
    }

    /** Does as epoll does: tells while there is something to tell, and the device asks. */
    void tell() {
        for (int i = 0; i < 1000 && !closed && !hungUp; i++) {
            if (watchesRead && (toGuest.length > 0 || ended)) {
                events().readable();
            } else if (watchesWrite && (room > 0 || broken)) {
                events().writable();
            } else {
                return;
            }
        }
        assertTrue(closed || hungUp, "told again and again");
    }

    byte[] taken() {
        return fromGuest.toByteArray();
    }

    int unread() {
        return toGuest.length;
    }

    @Override
    public void attach(Events newEvents) {
        assertTrue(events == null);
        events = newEvents;
    }

    @Override
    public boolean opened(long hostPort) {
        assertFalse(closed);
        assertEquals(-1, openedPort);
        openedPort = hostPort;
        return !refusesOpening;
    }

    @Override
    public int read(ScatterView target) {
        assertFalse(closed || inputEnded);
        assertTrue(target.totalBytes() > 0);
        if (toGuest.length == 0) {
            return broken ? BROKEN : ended ? END_OF_STREAM : WOULD_BLOCK;
        }
        int count = (int) Math.min(Math.min(readMax, toGuest.length), target.totalBytes());
        Scatters.copy(MemorySegment.ofArray(toGuest), 0, target, 0, count);
        toGuest = Arrays.copyOfRange(toGuest, count, toGuest.length);
        return count;
    }

    @Override
    public int write(ScatterView source) {
        assertFalse(closed || outputEnded);
        assertTrue(source.totalBytes() > 0);
        if (broken) {
            return BROKEN;
        }
        int count = (int) Math.min(room, source.totalBytes());
        fromGuest.write(bytesOf(source), 0, count);
        if (room != Integer.MAX_VALUE) {
            room -= count;
        }
        return count == 0 ? WOULD_BLOCK : count;
    }

    static byte[] bytesOf(ScatterView source) {
        byte[] bytes = new byte[(int) source.totalBytes()];
        int done = 0;
        for (int i = 0; i < source.count(); i++) {
            int count = (int) source.lengthBytes(i);
            MemorySegment.copy(
                    source.segment(i), ValueLayout.JAVA_BYTE, source.offset(i), bytes, done, count);
            done += count;
        }
        return bytes;
    }

    @Override
    public void watch(boolean readable, boolean writable) {
        assertFalse(closed || hungUp);
        assertTrue(readable != watchesRead || writable != watchesWrite, "no change");
        watchesRead = readable;
        watchesWrite = writable;
        watchChanges++;
    }

    @Override
    public void endOutput() {
        assertFalse(closed || outputEnded);
        outputEnded = true;
    }

    @Override
    public void endInput() {
        assertFalse(closed || inputEnded);
        inputEnded = true;
    }

    @Override
    public void close() {
        assertFalse(closed);
        closed = true;
    }
}

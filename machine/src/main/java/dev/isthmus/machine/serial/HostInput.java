// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;

/**
 * Input for a guest from threads of the host: a bounded queue that writers wait for and the loop empties into the port.
 * A part for backends whose other end is a program. Any thread, but for what says otherwise.
 */
public final class HostInput {
    /** How much may wait for the guest. */
    public static final int CAPACITY_BYTES = 64 << 10;

    private static final int CHUNK_BYTES = 4096;

    private final Object lock = new Object();
    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK_BYTES);

    // Guarded by lock.
    private final TypeAhead queue = new TypeAhead(CAPACITY_BYTES);
    private boolean closed;
    private @Nullable BottomHalf deliver;

    /** Loop thread only. */
    private @Nullable SerialPort port;

    /** Makes an empty queue that is not attached. */
    public HostInput() {}

    /** Begins to hand input to a port, what was written before to begin with. Loop thread. */
    public void attach(EventLoop loop, SerialPort port) {
        this.port = port;
        synchronized (lock) {
            deliver = loop.newBottomHalf(new Deliver());
        }
        flush();
    }

    /**
     * Queues all bytes, waiting for room.
     *
     * @throws IOException if the line is closed before all are queued
     * @throws InterruptedException if the thread was interrupted while waiting; some bytes may be queued
     */
    public void write(byte[] bytes, int offset, int length) throws IOException, InterruptedException {
        int next = offset;
        while (next < offset + length) {
            BottomHalf scheduled;
            synchronized (lock) {
                while (queue.room() == 0 && !closed) {
                    lock.wait();
                }
                if (closed) {
                    throw new IOException("The serial line is closed");
                }
                while (next < offset + length && queue.room() > 0) {
                    queue.put(bytes[next++]);
                }
                scheduled = deliver;
            }
            if (scheduled != null) {
                scheduled.schedule();
            }
        }
    }

    /** Returns a stream whose {@code close} does nothing: a serial line has no end. */
    public OutputStream stream() {
        return new Stream();
    }

    /** Hands on what the port takes. Loop thread. */
    public void flush() {
        SerialPort to = port;
        if (to == null) {
            return;
        }
        while (true) {
            int room = Math.min(to.receiveRoom(), CHUNK_BYTES);
            if (room == 0) {
                return;
            }
            int length;
            synchronized (lock) {
                length = queue.moveTo(chunk.asSlice(0, room));
                if (length > 0) {
                    lock.notifyAll();
                }
            }
            if (length == 0) {
                return;
            }
            to.receive(chunk.asSlice(0, length));
        }
    }

    /** Fails writers, now and later. */
    public void close() {
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
    }

    private final class Deliver implements Runnable {
        @Override
        public void run() {
            flush();
        }
    }

    private final class Stream extends OutputStream {
        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                HostInput.this.write(bytes, offset, length);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("Interrupted while the guest was not reading");
            }
        }
    }
}

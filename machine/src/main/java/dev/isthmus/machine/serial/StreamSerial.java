// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;

/**
 * A serial line as a pair of Java streams. A program that does not read makes the guest wait, a guest that does not read
 * makes the program wait; nothing is dropped.
 *
 * <p>The streams may be used by any threads, one at a time each. When the VM ends, the program still reads what was
 * output and then the end of the stream; writing fails.
 */
public final class StreamSerial implements SerialBackend {
    private static final int CAPACITY_BYTES = 64 << 10;

    private final HostInput input = new HostInput();
    private final FromGuest fromGuest = new FromGuest();
    private final Object lock = new Object();

    // Guarded by lock.
    private final byte[] bytes = new byte[CAPACITY_BYTES];
    private int head;
    private int count;
    private boolean guestWaits;
    private boolean closed;
    private @Nullable BottomHalf transmitReady;

    /** Makes one that is not attached. */
    public StreamSerial() {}

    /** Returns the guest's output; closing it does nothing. */
    public InputStream fromGuest() {
        return fromGuest;
    }

    /** Returns the guest's input; closing it does nothing. */
    public OutputStream toGuest() {
        return input.stream();
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {
        synchronized (lock) {
            transmitReady = loop.newBottomHalf(new TransmitReady(port));
        }
        input.attach(loop, port);
    }

    @Override
    public int transmit(MemorySegment source) {
        synchronized (lock) {
            int length = (int) Math.min(source.byteSize(), CAPACITY_BYTES - count);
            for (int i = 0; i < length; i++) {
                bytes[(head + count + i) % CAPACITY_BYTES] = source.get(ValueLayout.JAVA_BYTE, i);
            }
            count += length;
            guestWaits = length < source.byteSize();
            lock.notifyAll();
            return length;
        }
    }

    @Override
    public void receiveReady() {
        input.flush();
    }

    @Override
    public void close() {
        input.close();
        synchronized (lock) {
            closed = true;
            lock.notifyAll();
        }
    }

    private record TransmitReady(SerialPort port) implements Runnable {
        @Override
        public void run() {
            port.transmitReady();
        }
    }

    private final class FromGuest extends InputStream {
        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            int taken;
            BottomHalf scheduled = null;
            synchronized (lock) {
                awaitOutput();
                if (count == 0) {
                    return -1;
                }
                taken = Math.min(length, count);
                for (int i = 0; i < taken; i++) {
                    target[offset + i] = bytes[head];
                    head = (head + 1) % CAPACITY_BYTES;
                }
                count -= taken;
                // Half empty, not with every byte: each time costs the loop a turn.
                if (guestWaits && count <= CAPACITY_BYTES / 2) {
                    guestWaits = false;
                    scheduled = transmitReady;
                }
            }
            if (scheduled != null) {
                scheduled.schedule();
            }
            return taken;
        }

        private void awaitOutput() throws InterruptedIOException {
            try {
                while (count == 0 && !closed) {
                    lock.wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("Interrupted while the guest was not writing");
            }
        }

        @Override
        public int available() {
            synchronized (lock) {
                return count;
            }
        }
    }
}

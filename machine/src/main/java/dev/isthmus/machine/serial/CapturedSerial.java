// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

import dev.isthmus.device.EventLoop;

/**
 * A serial line kept in memory, for programs that talk with a guest: the last output, with waiting for a text, and
 * input.
 *
 * <p>The guest never waits for anybody to read: what is beyond the capacity drops off at the front. Any thread, but for
 * the methods of {@link SerialBackend}.
 */
public final class CapturedSerial implements SerialBackend {
    /** Output kept unless told otherwise. */
    public static final int DEFAULT_CAPACITY_BYTES = 4 << 20;

    private static final int FIRST_ALLOCATION_BYTES = 8 << 10;

    private final HostInput input = new HostInput();
    private final int capacityBytes;
    private final Object lock = new Object();

    // Guarded by lock. Byte n of the output is at n modulo the array's length, while n is within the last of them.
    private byte[] bytes;
    private long outputBytes;
    private boolean closed;

    /** Up to where {@link #awaitText} has found something. */
    private long searchedBytes;

    /** Makes one that keeps {@link #DEFAULT_CAPACITY_BYTES}. */
    public CapturedSerial() {
        this(DEFAULT_CAPACITY_BYTES);
    }

    /**
     * Makes one that keeps some output.
     *
     * @param capacityBytes how much, at least 1
     */
    public CapturedSerial(int capacityBytes) {
        if (capacityBytes < 1) {
            throw new IllegalArgumentException("capacityBytes " + capacityBytes + " is less than 1");
        }
        this.capacityBytes = capacityBytes;
        this.bytes = new byte[Math.min(capacityBytes, FIRST_ALLOCATION_BYTES)];
    }

    /** Returns the output that is kept, decoded as UTF-8. Malformed bytes become replacement characters. */
    public String text() {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** Returns the output that is kept. */
    public byte[] bytes() {
        synchronized (lock) {
            int length = (int) Math.min(outputBytes, bytes.length);
            byte[] kept = new byte[length];
            for (int i = 0; i < length; i++) {
                kept[i] = at(outputBytes - length + i);
            }
            return kept;
        }
    }

    /** Returns how much output there was in all, in bytes, that which dropped off included. */
    public long outputBytes() {
        synchronized (lock) {
            return outputBytes;
        }
    }

    /**
     * Waits until the guest has written a text. The search begins behind the text that the last successful call found, so
     * that calls in sequence follow a dialogue, the same prompt in it coming many times; what is there already counts.
     *
     * @param text not empty
     * @param timeout how long to wait at most
     * @return false where the time ran out, or the line was closed, before the text came
     */
    public boolean awaitText(String text, Duration timeout) throws InterruptedException {
        byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
        if (wanted.length == 0) {
            throw new IllegalArgumentException("no text to wait for");
        }
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        synchronized (lock) {
            long from = searchedBytes;
            while (true) {
                // Another thread may have searched on, or output dropped off.
                from = Math.max(Math.max(from, searchedBytes), outputBytes - bytes.length);
                long found = find(wanted, from);
                if (found >= 0) {
                    searchedBytes = found + wanted.length;
                    return true;
                }
                from = Math.max(from, outputBytes - wanted.length + 1);
                long leftNanos = deadlineNanos - System.nanoTime();
                if (closed || leftNanos <= 0) {
                    return false;
                }
                TimeUnit.NANOSECONDS.timedWait(lock, leftNanos);
            }
        }
    }

    private long find(byte[] wanted, long from) {
        for (long start = from; start <= outputBytes - wanted.length; start++) {
            int i = 0;
            while (i < wanted.length && at(start + i) == wanted[i]) {
                i++;
            }
            if (i == wanted.length) {
                return start;
            }
        }
        return -1;
    }

    private byte at(long position) {
        return bytes[(int) (position % bytes.length)];
    }

    /**
     * Sends text to the guest as UTF-8, waiting while the guest is some 64 KiB behind.
     *
     * @throws IOException if the line is closed
     */
    public void write(String text) throws IOException, InterruptedException {
        write(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Sends bytes to the guest, waiting while the guest is some 64 KiB behind.
     *
     * @throws IOException if the line is closed
     */
    public void write(byte[] bytes) throws IOException, InterruptedException {
        input.write(bytes, 0, bytes.length);
    }

    /** Returns a stream to the guest, which {@code close} does not close. */
    public OutputStream toGuest() {
        return input.stream();
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {
        input.attach(loop, port);
    }

    @Override
    public int transmit(MemorySegment source) {
        int length = (int) source.byteSize();
        synchronized (lock) {
            makeRoom(length);
            for (int i = 0; i < length; i++) {
                bytes[(int) (outputBytes % bytes.length)] = source.get(ValueLayout.JAVA_BYTE, i);
                outputBytes++;
            }
            lock.notifyAll();
        }
        return length;
    }

    /** Grows the array up to the capacity. While it grows, nothing has dropped off, so positions are indexes. */
    private void makeRoom(int length) {
        long needed = outputBytes + length;
        if (needed > bytes.length && bytes.length < capacityBytes) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(capacityBytes, Math.max(needed, bytes.length * 2L)));
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
}

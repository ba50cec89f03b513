// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.time.Duration;

/**
 * The other end of a guest's first serial line (COM1, Linux's ttyS0): what the guest sends is kept to be read, awaited
 * and searched, what is written here the guest receives. Any thread.
 */
public interface VmSerial {
    /**
     * Waits until the guest has sent a text.
     *
     * <p>Each call searches behind what the last one found, so that calls in a row follow a dialogue: a prompt that was
     * awaited once is not found again.
     *
     * @param text what to wait for, at least one character; compared as UTF-8
     * @param timeout how long to wait at most
     * @return all that the guest sent since the last call's text, up to and with this one
     * @throws SerialTextException if the time is over or the VM has ended before; the message shows the last lines
     * @throws InterruptedException if the thread was interrupted
     */
    String awaitText(String text, Duration timeout) throws InterruptedException;

    /**
     * Sends text to the guest as UTF-8: as typed, so that a line for a shell ends in {@code \n}.
     *
     * @throws InterruptedException if the thread was interrupted while waiting for the guest
     * @see #write(byte[])
     */
    void write(String text) throws InterruptedException;

    /**
     * Sends bytes to the guest. A line holds 64 KiB that the guest has not taken yet; the call waits for room.
     * Nothing is lost on the way to the guest's device; what a guest drops when nobody reads its terminal is its own.
     *
     * @throws InterruptedException if the thread was interrupted while waiting; some bytes may have been sent
     * @throws IllegalStateException if the VM has ended
     */
    void write(byte[] bytes) throws InterruptedException;

    /** Returns what the guest has sent so far, decoded as UTF-8: the last 2 to 4 MiB of it. */
    String text();

    /** Returns what the guest has sent so far: the last 2 to 4 MiB of it. */
    byte[] toByteArray();
}

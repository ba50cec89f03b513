// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Input on its way to the guest: characters still on the line, and those in the receiver's FIFO, where the guest sees
 * them.
 *
 * <p>The line stands for a peer that sends as soon as the receiver can take it and never before, so a FIFO that is
 * reset gives the peer's characters back to the line: what the guest did not read is not lost.
 *
 * <p>A line that is held ({@link SerialGate}) lets characters arrive only as far as the guest has allowed it.
 *
 * <p>Characters are 16-bit entries: the byte, with the bits of the line status register that came with it above.
 *
 * <p>Not thread-safe; {@link Uart16550} guards it.
 */
final class ReceiveQueue {
    /** Characters that the 16550's FIFO holds. */
    static final int FIFO_CHARACTERS = 16;

    /** Characters on the line at most; a power of two. */
    static final int LINE_CHARACTERS = 4096;

    private static final int DATA_MASK = 0xff;

    /** Where an entry has the bits of the line status register. */
    private static final int STATUS_SHIFT = 8;

    /** The entry came by the loopback, not from the peer, and is not given back to the line. */
    private static final int LOOPED = 1 << 15;

    /** {@link #allowance}: every character may arrive. */
    private static final int UNLIMITED = Integer.MAX_VALUE;

    private final char[] line = new char[LINE_CHARACTERS];
    private int lineHead;
    private int lineCount;

    private final char[] fifo = new char[FIFO_CHARACTERS];
    private int fifoHead;
    private int fifoCount;

    /** How many characters of the line may still arrive. */
    private int allowance = UNLIMITED;

    /** Lets nothing more arrive until {@link #allow} or {@link #allowAll}. */
    void hold() {
        allowance = 0;
    }

    /** Lets a number of characters, at least 0, arrive beside those that may already. */
    void allow(int characters) {
        if (allowance != UNLIMITED) {
            // A guest may ask for more than anybody can count.
            allowance = Math.min(allowance, UNLIMITED - 1 - characters) + characters;
        }
    }

    /** Lets everything arrive. */
    void allowAll() {
        allowance = UNLIMITED;
    }

    /** Returns how many characters the line takes, keeping room for a FIFO that is given back. */
    int room() {
        return Math.max(LINE_CHARACTERS - FIFO_CHARACTERS - lineCount, 0);
    }

    /** Puts the peer's bytes on the line, at most {@link #room} of them. */
    void offer(MemorySegment source) {
        int length = (int) source.byteSize();
        if (length > room()) {
            throw new IllegalArgumentException(length + " bytes of input with room for " + room());
        }
        for (int i = 0; i < length; i++) {
            append(Byte.toUnsignedInt(source.get(ValueLayout.JAVA_BYTE, i)));
        }
    }

    /** Puts a character with status bits on the line; does nothing where there is no room. */
    void offer(int value, int lineStatus) {
        if (room() > 0) {
            append(value | (lineStatus << STATUS_SHIFT));
        }
    }

    private void append(int entry) {
        line[(lineHead + lineCount) & (LINE_CHARACTERS - 1)] = (char) entry;
        lineCount++;
    }

    /** Lets characters arrive in the FIFO until it holds a number of them. */
    void arrive(int limit) {
        while (fifoCount < limit && lineCount > 0 && allowance > 0) {
            push(line[lineHead]);
            lineHead = (lineHead + 1) & (LINE_CHARACTERS - 1);
            lineCount--;
            if (allowance != UNLIMITED) {
                allowance--;
            }
        }
    }

    /** Puts a looped character into the FIFO, which is not full. */
    void loop(int value, int lineStatus) {
        push(value | (lineStatus << STATUS_SHIFT) | LOOPED);
    }

    private void push(int entry) {
        fifo[(fifoHead + fifoCount) & (FIFO_CHARACTERS - 1)] = (char) entry;
        fifoCount++;
    }

    /** Takes the oldest character off the FIFO; 0 where there is none. */
    int take() {
        if (fifoCount == 0) {
            return 0;
        }
        int value = fifo[fifoHead] & DATA_MASK;
        fifoHead = (fifoHead + 1) & (FIFO_CHARACTERS - 1);
        fifoCount--;
        return value;
    }

    /** Empties the FIFO: the peer's characters go back to the line, looped ones are gone. */
    void resetFifo() {
        for (int i = fifoCount - 1; i >= 0; i--) {
            int entry = fifo[(fifoHead + i) & (FIFO_CHARACTERS - 1)];
            if ((entry & LOOPED) == 0) {
                lineHead = (lineHead - 1) & (LINE_CHARACTERS - 1);
                line[lineHead] = (char) entry;
                lineCount++;
                allow(1);
            }
        }
        fifoCount = 0;
    }

    int fifoCount() {
        return fifoCount;
    }

    /** Returns the line status bits of the oldest character in the FIFO. */
    int firstStatus() {
        return fifoCount == 0 ? 0 : statusAt(0);
    }

    /** Forgets the line status bits of the oldest character in the FIFO, which the guest has read. */
    void clearFirstStatus() {
        if (fifoCount > 0) {
            fifo[fifoHead] &= (char) (DATA_MASK | LOOPED);
        }
    }

    /** Tells whether any character in the FIFO came with an error or break. */
    boolean hasStatus() {
        for (int i = 0; i < fifoCount; i++) {
            if (statusAt(i) != 0) {
                return true;
            }
        }
        return false;
    }

    private int statusAt(int position) {
        int entry = fifo[(fifoHead + position) & (FIFO_CHARACTERS - 1)];
        return (entry & ~LOOPED) >>> STATUS_SHIFT;
    }
}

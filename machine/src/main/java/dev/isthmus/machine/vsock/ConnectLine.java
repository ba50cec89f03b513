// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * What a program writes before its stream: {@code "CONNECT "}, a port in decimal, a line feed. Taken byte for byte, so that
 * nothing of the stream is.
 */
final class ConnectLine {
    /** The longest line, and more than the longest answer. */
    static final int BYTES_MAX = 32;

    /** {@link #put} has not found the end yet. */
    static final long INCOMPLETE = -1;

    /** It is no such line. */
    static final long INVALID = -2;

    private static final byte[] WORD = "CONNECT ".getBytes(StandardCharsets.US_ASCII);
    private static final long PORT_MAX = 0xffff_ffffL;
    private static final int DIGITS_MAX = 10;

    private int position;
    private long port;

    /**
     * Takes a byte.
     *
     * @return the port, once the line is whole; {@link #INCOMPLETE} or {@link #INVALID}
     */
    long put(int value) {
        if (position < WORD.length) {
            return value == WORD[position++] ? INCOMPLETE : INVALID;
        }
        int digits = position - WORD.length;
        if (value == '\n' && digits > 0) {
            return port;
        }
        if (value < '0' || value > '9' || digits == DIGITS_MAX) {
            return INVALID;
        }
        position++;
        port = port * 10 + (value - '0');
        return port <= PORT_MAX ? INCOMPLETE : INVALID;
    }

    /** Writes the answer to native memory of {@link #BYTES_MAX} bytes and returns its length. */
    static int writeAnswer(MemorySegment target, long hostPort) {
        byte[] bytes = ("OK " + hostPort + "\n").getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return bytes.length;
    }
}

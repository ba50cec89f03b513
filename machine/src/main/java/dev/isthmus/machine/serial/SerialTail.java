// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.charset.StandardCharsets;

/**
 * The last output of a serial line, for a crash dump: filled as the guest writes, whatever the backend does with it.
 *
 * <p>Not thread-safe; {@link Uart16550} guards it. {@link #put} allocates nothing.
 */
final class SerialTail {
    /** How many bytes are kept; a power of two. */
    static final int CAPACITY_BYTES = 4096;

    private final byte[] bytes = new byte[CAPACITY_BYTES];

    /** Bytes put so far. */
    private long count;

    void put(int value) {
        bytes[(int) count & (CAPACITY_BYTES - 1)] = (byte) value;
        count++;
    }

    /**
     * Returns the last output as text, whole lines where there is more than fits. Control characters but line feeds and
     * tabs, which a hostile guest might send to confuse the reader's terminal, are left out.
     */
    String text() {
        int length = (int) Math.min(count, CAPACITY_BYTES);
        byte[] ordered = new byte[length];
        for (int i = 0; i < length; i++) {
            ordered[i] = bytes[(int) (count - length + i) & (CAPACITY_BYTES - 1)];
        }
        String text = new String(ordered, StandardCharsets.UTF_8);
        if (count > CAPACITY_BYTES) {
            int lineFeed = text.indexOf('\n');
            if (lineFeed >= 0 && lineFeed < text.length() - 1) {
                text = text.substring(lineFeed + 1);
            }
        }
        return withoutControls(text);
    }

    private static String withoutControls(String text) {
        StringBuilder kept = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n' || c == '\t' || !Character.isISOControl(c)) {
                kept.append(c);
            }
        }
        return kept.toString();
    }
}

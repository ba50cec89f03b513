// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A source of bytes that a test recognises: 1, 2, 3 … 255, 1 …, the first few of each call, since nobody looks at all of a
 * long one. It has as many as the test gives it.
 */
final class FakeEntropy implements EntropySource {
    private static final int VALUES = 255;
    private static final int WRITTEN_BYTES_MAX = 256;

    /** How many bytes there are. */
    long availableBytes = Long.MAX_VALUE;

    /** Most bytes of one call. */
    int callBytesMax = Integer.MAX_VALUE;

    int calls;
    int largestCallBytes;
    private int next;

    @Override
    public int fill(MemorySegment target, long offset, int lengthBytes) {
        calls++;
        largestCallBytes = Math.max(largestCallBytes, lengthBytes);
        int count = (int) Math.min(Math.min(lengthBytes, callBytesMax), availableBytes);
        for (int i = 0; i < Math.min(count, WRITTEN_BYTES_MAX); i++) {
            target.set(ValueLayout.JAVA_BYTE, offset + i, (byte) (1 + next));
            next = (next + 1) % VALUES;
        }
        availableBytes -= count;
        return count;
    }
}

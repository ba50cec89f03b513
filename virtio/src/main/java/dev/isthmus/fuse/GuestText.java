// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.virtio.queue.ChainReader;

/**
 * A text of the client that ends with a zero byte, copied once out of its reach. To be used again.
 *
 * <p>One thread at a time.
 */
final class GuestText {
    private final MemorySegment memory;
    private final int bytesMax;
    private int lengthBytes;

    /** Makes an empty text that can hold so many bytes and the zero. */
    GuestText(int bytesMax) {
        this.bytesMax = bytesMax;
        memory = Arena.ofAuto().allocate(bytesMax + 1L);
    }

    /**
     * Reads a text up to its zero byte.
     *
     * @param limitBytes how much there is to read
     * @return 0, {@link FuseErrno#EINVAL} if there is no zero, or {@link FuseErrno#ENAMETOOLONG}
     */
    int read(ChainReader reader, long limitBytes) {
        lengthBytes = 0;
        for (long left = limitBytes; left > 0; left--) {
            byte value = (byte) reader.readU8();
            if (lengthBytes > bytesMax || (value != 0 && lengthBytes == bytesMax)) {
                return FuseErrno.ENAMETOOLONG;
            }
            memory.set(ValueLayout.JAVA_BYTE, lengthBytes, value);
            if (value == 0) {
                return 0;
            }
            lengthBytes++;
        }
        return FuseErrno.EINVAL;
    }

    /** Returns native memory that begins with the text and a zero byte. */
    MemorySegment memory() {
        return memory;
    }

    /** Returns the length in bytes without the zero. */
    int lengthBytes() {
        return lengthBytes;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * The name of an entry of a directory: one component of a path, and neither the directory itself nor the one above it. It
 * holds nothing else, ever: whoever gets one need not check it. To be used again.
 *
 * <p>One thread at a time. Allocates nothing after its construction.
 */
public final class FileName {
    /** The longest name in bytes (NAME_MAX). */
    public static final int BYTES_MAX = 255;

    private final MemorySegment memory = Arena.ofAuto().allocate(BYTES_MAX + 1);
    private int lengthBytes;

    /** Holds the name {@code _} at first, for want of an empty one. */
    public FileName() {
        memory.set(ValueLayout.JAVA_BYTE, 0, (byte) '_');
        lengthBytes = 1;
    }

    /**
     * Takes a name over, or refuses it and keeps the one it has.
     *
     * @param source where the name is
     * @param offset its first byte
     * @param newLengthBytes its length, without a final zero
     * @return 0, or the error number: {@link FuseErrno#ENAMETOOLONG}, or {@link FuseErrno#EINVAL} for what is empty, has
     *     a slash or a zero byte, or is {@code .} or {@code ..}
     */
    public int set(MemorySegment source, long offset, long newLengthBytes) {
        if (newLengthBytes > BYTES_MAX) {
            return FuseErrno.ENAMETOOLONG;
        }
        int length = (int) newLengthBytes;
        boolean onlyDots = length <= 2;
        for (int i = 0; i < length; i++) {
            byte value = source.get(ValueLayout.JAVA_BYTE, offset + i);
            if (value == 0 || value == '/') {
                return FuseErrno.EINVAL;
            }
            onlyDots &= value == '.';
        }
        if (onlyDots) {
            // The empty name among them.
            return FuseErrno.EINVAL;
        }
        MemorySegment.copy(source, offset, memory, 0, length);
        memory.set(ValueLayout.JAVA_BYTE, length, (byte) 0);
        lengthBytes = length;
        return 0;
    }

    /** Returns native memory that begins with the name and a zero byte; valid until the next {@link #set}. */
    public MemorySegment zeroTerminated() {
        return memory;
    }

    /** Returns the length in bytes, 1 to {@link #BYTES_MAX}. */
    public int lengthBytes() {
        return lengthBytes;
    }

    @Override
    public String toString() {
        return new String(memory.asSlice(0, lengthBytes).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;

/**
 * A copy of some bytes of an image file, read once, so that what was checked is what is used. Values are little-endian
 * and need no alignment; what lies beyond the file's end is zero. Offsets are within the copy.
 *
 * <p>Immutable as far as its users leave {@link #segment} alone; usable from any thread that the arena admits.
 */
public final class FileBytes {
    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment bytes;

    private FileBytes(MemorySegment bytes) {
        this.bytes = bytes;
    }

    /**
     * Reads a part of a file.
     *
     * @param file the file
     * @param offsetBytes where in it, not negative
     * @param lengthBytes how much; the caller has bounded it
     * @param arena owns the copy
     * @throws ImageException if the host can't read it
     */
    public static FileBytes read(ImageFile file, long offsetBytes, long lengthBytes, Arena arena) {
        MemorySegment bytes = arena.allocate(lengthBytes, Long.BYTES);
        BlockStatus status = file.read(offsetBytes, bytes);
        if (status != BlockStatus.OK && status != BlockStatus.OUT_OF_RANGE) {
            throw new ImageException(
                    "Image file " + file.name() + " can't be read at byte " + offsetBytes + ".",
                    "See the log for the host's error, and check the storage that the file is on.");
        }
        return new FileBytes(bytes);
    }

    /** Returns the number of bytes. */
    public long lengthBytes() {
        return bytes.byteSize();
    }

    /** Returns the memory itself. */
    public MemorySegment segment() {
        return bytes;
    }

    /** Reads an unsigned byte. */
    public int u8(long offset) {
        return Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, offset));
    }

    /** Reads an unsigned 16-bit value. */
    public int u16(long offset) {
        return Short.toUnsignedInt(bytes.get(U16, offset));
    }

    /** Reads an unsigned 32-bit value. */
    public long u32(long offset) {
        return Integer.toUnsignedLong(bytes.get(U32, offset));
    }

    /** Reads 64 bits; an unsigned value from 2^63 on comes out negative. */
    public long u64(long offset) {
        return bytes.get(U64, offset);
    }

    /** Returns a part of it as a view. */
    public FileBytes part(long offset, long lengthBytes) {
        return new FileBytes(bytes.asSlice(offset, lengthBytes));
    }

    /** Copies a part of it. */
    public byte[] copy(long offset, int lengthBytes) {
        return bytes.asSlice(offset, lengthBytes).toArray(ValueLayout.JAVA_BYTE);
    }
}

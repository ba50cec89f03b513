// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Entries of a directory as the kernel lists them ({@code struct linux_dirent64}). A {@link SharedFolder} fills the memory,
 * and the server goes through it. To be used again.
 *
 * <pre>
 *  +0   u64 d_ino      inode
 *  +8   s64 d_off      where the next entry is
 *  +16  u16 d_reclen   size of this record
 *  +18  u8  d_type     type, the upper bits of the mode's
 *  +19  u8  d_name[]   ends with a zero
 * </pre>
 *
 * <p>One thread at a time. Allocates nothing after its construction.
 */
public final class DirectoryEntries {
    /** Where the name begins in a record. */
    public static final int NAME_OFFSET = 19;

    /** The most that is listed at once, in bytes. */
    static final int CAPACITY_BYTES = 32 << 10;

    /** Room for one record with any name. */
    static final int LIMIT_BYTES_MIN = 512;

    private static final int OFFSET_OFFSET = 8;
    private static final int LENGTH_OFFSET = 16;
    private static final int TYPE_OFFSET = 18;

    private final MemorySegment memory = Arena.ofAuto().allocate(CAPACITY_BYTES, Long.BYTES);
    private int limitBytes;
    private long filledBytes;
    private long position;
    private long nextPosition;
    private int nameBytes;

    /** Holds no entries at first. */
    public DirectoryEntries() {}

    /** Forgets all entries, and says how much may be filled with new ones. */
    void begin(long newLimitBytes) {
        limitBytes = (int) Math.min(CAPACITY_BYTES, Math.max(LIMIT_BYTES_MIN, newLimitBytes));
        filledBytes = 0;
        position = 0;
        nextPosition = 0;
    }

    /** Returns the native memory to fill, with {@link #limitBytes} at most. */
    public MemorySegment memory() {
        return memory;
    }

    /** Returns how many bytes may be filled, from the first on. */
    public int limitBytes() {
        return limitBytes;
    }

    /** Says how many bytes were filled. */
    void filled(long lengthBytes) {
        filledBytes = Math.min(lengthBytes, limitBytes);
    }

    /** Goes to the next entry; tells whether there is one. */
    boolean next() {
        position = nextPosition;
        if (filledBytes - position <= NAME_OFFSET) {
            return false;
        }
        int record = Short.toUnsignedInt(memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, position + LENGTH_OFFSET));
        if (record <= NAME_OFFSET || record > filledBytes - position) {
            return false;
        }
        nextPosition = position + record;
        nameBytes = 0;
        while (NAME_OFFSET + nameBytes < record && nameByte(nameBytes) != 0) {
            nameBytes++;
        }
        return true;
    }

    /** Returns the inode of the entry. */
    long inode() {
        return memory.get(ValueLayout.JAVA_LONG_UNALIGNED, position);
    }

    /** Returns where the entry after this one is, for the next listing. */
    long nextOffset() {
        return memory.get(ValueLayout.JAVA_LONG_UNALIGNED, position + OFFSET_OFFSET);
    }

    /** Returns the type of the entry. */
    int type() {
        return Byte.toUnsignedInt(memory.get(ValueLayout.JAVA_BYTE, position + TYPE_OFFSET));
    }

    /** Returns the length of the entry's name. */
    int nameBytes() {
        return nameBytes;
    }

    /** Returns a byte of the entry's name. */
    byte nameByte(int index) {
        return memory.get(ValueLayout.JAVA_BYTE, position + NAME_OFFSET + index);
    }

    /** Tells whether the entry is the directory above. */
    boolean isParent() {
        return nameBytes == 2 && nameByte(0) == '.' && nameByte(1) == '.';
    }

    /** Copies the entry's name; tells whether it is one, and not the directory itself or the one above. */
    boolean copyName(FileName target) {
        return target.set(memory, position + NAME_OFFSET, nameBytes) == 0;
    }
}

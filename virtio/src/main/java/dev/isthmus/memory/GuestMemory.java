// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * The guest's physical RAM: a few disjoint {@link MemoryRegion}s with holes between them.
 *
 * <p>A range is valid only if it lies wholly within one region. Code that takes addresses from the guest asks
 * {@link #find} (or {@link #contains}) first and treats a miss as a guest fault; the plain accessors below throw
 * {@link IndexOutOfBoundsException} on a miss, which is a bug of the caller. Multi-byte values are
 * little-endian, alignment is not required, and no access is atomic: queue code uses VarHandles over
 * {@link MemoryRegion#segment()} for that.
 *
 * <p>Immutable; usable from any thread.
 */
public final class GuestMemory {
    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemoryRegion[] regions;

    private GuestMemory(MemoryRegion[] regions) {
        this.regions = regions;
    }

    /**
     * Combines regions into one address space.
     *
     * @param regions at least one, in any order
     * @throws IllegalArgumentException if there is none or two overlap
     */
    public static GuestMemory of(MemoryRegion... regions) {
        MemoryRegion[] sorted = regions.clone();
        Arrays.sort(sorted, new Comparator<MemoryRegion>() {
            @Override
            public int compare(MemoryRegion a, MemoryRegion b) {
                return Long.compare(a.startGpa(), b.startGpa());
            }
        });
        if (sorted.length == 0) {
            throw new IllegalArgumentException("No regions");
        }
        for (int i = 1; i < sorted.length; i++) {
            if (sorted[i - 1].startGpa() + sorted[i - 1].lengthBytes() > sorted[i].startGpa()) {
                throw new IllegalArgumentException("Regions overlap");
            }
        }
        return new GuestMemory(sorted);
    }

    /** Returns the regions by ascending address. */
    public List<MemoryRegion> regions() {
        return List.of(regions);
    }

    /**
     * Finds the region that holds a whole range. Allocates nothing; safe for any guest-chosen values.
     *
     * @param gpa first guest physical address, any value
     * @param lengthBytes size of the range, any value
     * @return the region, or null where the range is not wholly RAM of one region
     */
    public @Nullable MemoryRegion find(long gpa, long lengthBytes) {
        for (MemoryRegion region : regions) {
            if (region.contains(gpa, lengthBytes)) {
                return region;
            }
        }
        return null;
    }

    /** Tells whether a whole range is RAM of one region. Safe for any guest-chosen values. */
    public boolean contains(long gpa, long lengthBytes) {
        return find(gpa, lengthBytes) != null;
    }

    private MemoryRegion require(long gpa, long lengthBytes) {
        MemoryRegion region = find(gpa, lengthBytes);
        if (region == null) {
            throw new IndexOutOfBoundsException(
                    "0x" + Long.toHexString(gpa) + " + 0x" + Long.toHexString(lengthBytes) + " is not guest RAM");
        }
        return region;
    }

    /** Returns a view of a range, its offset 0 at {@code gpa}. Allocates a segment object: not for hot paths. */
    public MemorySegment slice(long gpa, long lengthBytes) {
        MemoryRegion region = require(gpa, lengthBytes);
        return region.segment().asSlice(region.offsetOf(gpa), lengthBytes);
    }

    /** Reads an unsigned byte, 0 to 255. */
    public int readU8(long gpa) {
        MemoryRegion region = require(gpa, 1);
        return Byte.toUnsignedInt(region.segment().get(ValueLayout.JAVA_BYTE, region.offsetOf(gpa)));
    }

    /** Reads an unsigned 16-bit value, zero-extended. */
    public int readU16(long gpa) {
        MemoryRegion region = require(gpa, 2);
        return Short.toUnsignedInt(region.segment().get(U16, region.offsetOf(gpa)));
    }

    /** Reads an unsigned 32-bit value, zero-extended. */
    public long readU32(long gpa) {
        MemoryRegion region = require(gpa, 4);
        return Integer.toUnsignedLong(region.segment().get(U32, region.offsetOf(gpa)));
    }

    /** Reads 64 bits. */
    public long readU64(long gpa) {
        MemoryRegion region = require(gpa, 8);
        return region.segment().get(U64, region.offsetOf(gpa));
    }

    /** Writes the low 8 bits of a value. */
    public void writeU8(long gpa, int value) {
        MemoryRegion region = require(gpa, 1);
        region.segment().set(ValueLayout.JAVA_BYTE, region.offsetOf(gpa), (byte) value);
    }

    /** Writes the low 16 bits of a value. */
    public void writeU16(long gpa, int value) {
        MemoryRegion region = require(gpa, 2);
        region.segment().set(U16, region.offsetOf(gpa), (short) value);
    }

    /** Writes the low 32 bits of a value. */
    public void writeU32(long gpa, long value) {
        MemoryRegion region = require(gpa, 4);
        region.segment().set(U32, region.offsetOf(gpa), (int) value);
    }

    /** Writes 64 bits. */
    public void writeU64(long gpa, long value) {
        MemoryRegion region = require(gpa, 8);
        region.segment().set(U64, region.offsetOf(gpa), value);
    }

    /** Copies bytes into guest memory. */
    public void write(long gpa, byte[] source, int sourceOffset, int lengthBytes) {
        MemoryRegion region = require(gpa, lengthBytes);
        MemorySegment.copy(
                source, sourceOffset, region.segment(), ValueLayout.JAVA_BYTE, region.offsetOf(gpa), lengthBytes);
    }

    /** Copies bytes out of guest memory. */
    public void read(long gpa, byte[] target, int targetOffset, int lengthBytes) {
        MemoryRegion region = require(gpa, lengthBytes);
        MemorySegment.copy(
                region.segment(), ValueLayout.JAVA_BYTE, region.offsetOf(gpa), target, targetOffset, lengthBytes);
    }

    /** Sets a range to one byte value. */
    public void fill(long gpa, long lengthBytes, byte value) {
        slice(gpa, lengthBytes).fill(value);
    }
}

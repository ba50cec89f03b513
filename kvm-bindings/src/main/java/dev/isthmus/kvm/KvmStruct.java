// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A struct of the KVM API in native memory, passed to calls by address and used again.
 *
 * <p>Fields have the header's names; a field is read and written in place. Numbers are as wide as the
 * header's, and unsigned ones narrower than an {@code int} are zero-extended. Not thread-safe. Its
 * allocator's arena must stay open as long as the struct is used.
 *
 * <p>The fields are accessed through a {@link ByteBuffer} view: the first use of a segment's own accessors
 * costs some 4 ms of a VM's start, this one none, and compiled they are the same.
 */
public abstract sealed class KvmStruct
        permits CpuidTable,
                KvmClock,
                KvmDebugRegs,
                KvmFpu,
                KvmGuestDebug,
                KvmIrqRouting,
                KvmIrqchip,
                KvmLapic,
                KvmPitState,
                KvmRegs,
                KvmSregs,
                KvmVcpuEvents,
                KvmXcrs,
                KvmXsave,
                MsrIndexList,
                MsrList {
    private final MemorySegment segment;
    private final long address;

    /** The fields, by absolute offsets. */
    final ByteBuffer fields;

    KvmStruct(SegmentAllocator allocator, int lengthBytes) {
        segment = allocator.allocate(lengthBytes, Long.BYTES);
        address = segment.address();
        fields = segment.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** The struct's bytes. */
    public final MemorySegment segment() {
        return segment;
    }

    /** The struct's size. */
    public final int lengthBytes() {
        return fields.capacity();
    }

    /**
     * Where the struct lies, for a system call.
     *
     * @throws IllegalStateException if its arena is closed
     */
    final long address() {
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("the memory of " + this + " is freed");
        }
        return address;
    }

    /** What error messages call it. */
    @Override
    public String toString() {
        return getClass().getSimpleName();
    }

    /**
     * Overwrites this struct with another of the same kind.
     *
     * @throws IllegalArgumentException if they differ in size
     */
    final void copyBytesFrom(KvmStruct other) {
        if (other.lengthBytes() != lengthBytes()) {
            throw new IllegalArgumentException(
                    "sizes differ: " + lengthBytes() + " and " + other.lengthBytes() + " bytes");
        }
        fields.put(0, other.fields, 0, other.lengthBytes());
    }

    final int unsignedByte(int offset) {
        return Byte.toUnsignedInt(fields.get(offset));
    }

    final int unsignedShort(int offset) {
        return Short.toUnsignedInt(fields.getShort(offset));
    }

    final void putByte(int offset, int value) {
        if (value < 0 || value > 0xff) {
            throw new IllegalArgumentException("not an unsigned byte: " + value);
        }
        fields.put(offset, (byte) value);
    }

    final void putShort(int offset, int value) {
        if (value < 0 || value > 0xffff) {
            throw new IllegalArgumentException("not an unsigned 16-bit number: " + value);
        }
        fields.putShort(offset, (short) value);
    }

    /** For structs with a count and as many entries as there is room for. */
    static int capacityChecked(int capacity, int limit) {
        if (capacity < 1 || capacity > limit) {
            throw new IllegalArgumentException("capacity " + capacity + " is not in 1 to " + limit);
        }
        return capacity;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * What the parsers of both ring formats share: a descriptor's fields, and the checks of buffers and indirect tables.
 *
 * <p>A parser fills a {@link DescriptorChain} from descriptors that the driver may change at any time, so each is read
 * once, as two 64-bit words:
 *
 * <pre>
 *            split (2.7.5)     packed (2.8.13)
 *  +0  word  le64 addr         le64 addr
 *  +8  word  le32 len          le32 len        bits 0 to 31
 *            le16 flags        le16 id         bits 32 to 47
 *            le16 next         le16 flags      bits 48 to 63
 * </pre>
 *
 * <p>Unknown flags are reserved and ignored.
 */
abstract sealed class ChainParser permits SplitChainParser, PackedChainParser {
    static final int VIRTQ_DESC_F_NEXT = 1;
    static final int VIRTQ_DESC_F_WRITE = 2;
    static final int VIRTQ_DESC_F_INDIRECT = 4;

    /** Where the second word of a descriptor is. */
    static final int SECOND_WORD = 8;

    /** Indirect tables need no alignment, so the same unaligned access serves rings and tables. */
    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Most bytes in one chain (2.7.5.2; the packed format names no limit). */
    private static final long CHAIN_BYTES_MAX = 1L << 32;

    private final GuestMemory memory;
    private final boolean indirectDesc;

    /** The indirect table last found; null before the first one. */
    private @Nullable MemorySegment table;

    private long tableOffset;

    ChainParser(GuestMemory memory, boolean indirectDesc) {
        this.memory = memory;
        this.indirectDesc = indirectDesc;
    }

    /** Returns the length field of a descriptor's second word, zero-extended. */
    static long lengthOf(long secondWord) {
        return secondWord & 0xffff_ffffL;
    }

    /**
     * Finds an indirect table, for {@link #table} and {@link #tableOffset}.
     *
     * @param addr where the driver says it is, any value
     * @param len its size in bytes, any 32-bit value, zero-extended
     * @param flags those of the descriptor that refers to it, whose WRITE flag is to be ignored (2.7.5.3.2, 2.8.7)
     * @return null if it is sound
     */
    final @Nullable QueueFault findTable(long addr, long len, int flags) {
        if (!indirectDesc) {
            return QueueFault.INDIRECT_NOT_NEGOTIATED;
        }
        if ((flags & VIRTQ_DESC_F_NEXT) != 0) {
            return QueueFault.INDIRECT_WITH_NEXT;
        }
        if (len == 0 || len % QueueLayout.VIRTQ_DESC_BYTES != 0) {
            return QueueFault.INDIRECT_LENGTH;
        }
        MemoryRegion region = memory.find(addr, len);
        if (region == null) {
            return QueueFault.INDIRECT_OUTSIDE_RAM;
        }
        table = region.segment();
        tableOffset = region.offsetOf(addr);
        return null;
    }

    /** Returns the memory of the table that {@link #findTable} found. */
    final MemorySegment table() {
        MemorySegment found = table;
        if (found == null) {
            throw new IllegalStateException("No indirect table");
        }
        return found;
    }

    /** Returns where in {@link #table} the table begins. */
    final long tableOffset() {
        return tableOffset;
    }

    /** Appends a buffer to a chain, if it is sound and in its place; null then. */
    final @Nullable QueueFault append(DescriptorChain chain, long addr, long len, int flags) {
        boolean deviceWritable = (flags & VIRTQ_DESC_F_WRITE) != 0;
        if (!deviceWritable && chain.writable().count() != 0) {
            return QueueFault.READABLE_AFTER_WRITABLE;
        }
        if (len == 0) {
            return null;
        }
        if (len > CHAIN_BYTES_MAX - chain.readable().totalBytes() - chain.writable().totalBytes()) {
            return QueueFault.CHAIN_BYTES;
        }
        MemoryRegion region = memory.find(addr, len);
        if (region == null) {
            return QueueFault.BUFFER_OUTSIDE_RAM;
        }
        chain.add(deviceWritable, region.segment(), region.offsetOf(addr), len);
        return null;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * Walks the descriptor table of a split virtqueue and takes a checked copy of one chain (virtio 1.2, section 2.7.5).
 *
 * <pre>
 *  struct virtq_desc       read as two 64-bit words
 *  +0  le64 addr           word 0
 *  +8  le32 len            word 1, bits 0 to 31
 *  +12 le16 flags          word 1, bits 32 to 47
 *  +14 le16 next           word 1, bits 48 to 63
 * </pre>
 *
 * <p>Each descriptor is read once. The walk ends after at most as many descriptors as the limit allows, whatever the
 * table says. Unknown flags are reserved and ignored.
 */
final class ChainParser {
    static final int VIRTQ_DESC_F_NEXT = 1;
    static final int VIRTQ_DESC_F_WRITE = 2;
    static final int VIRTQ_DESC_F_INDIRECT = 4;

    /** Most bytes in one chain (2.7.5.2). */
    private static final long CHAIN_BYTES_MAX = 1L << 32;

    /** {@code next} is an le16, so descriptors beyond are out of its reach. */
    private static final long TABLE_ENTRIES_MAX = 1 << 16;

    /** Indirect tables need no alignment, so the same unaligned access serves both kinds of table. */
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final GuestMemory memory;
    private final MemorySegment descriptors;
    private final long descriptorsOffset;
    private final int queueSize;
    private final int maxChainDescriptors;
    private final boolean indirectDesc;

    ChainParser(GuestMemory memory, QueueLayout layout, int maxChainDescriptors, boolean indirectDesc) {
        this.memory = memory;
        this.descriptors = layout.descriptorRegion().segment();
        this.descriptorsOffset = layout.descriptorOffset();
        this.queueSize = layout.queueSize();
        this.maxChainDescriptors = Math.max(maxChainDescriptors, queueSize);
        this.indirectDesc = indirectDesc;
    }

    /**
     * Fills a chain from the table.
     *
     * @param chain what to fill; holds part of the chain where a fault is returned
     * @param head first descriptor, below the queue's size
     * @return null if the chain is sound
     */
    @Nullable QueueFault parse(DescriptorChain chain, int head) {
        chain.begin(head);
        MemorySegment table = descriptors;
        long tableOffset = descriptorsOffset;
        int tableEntries = queueSize;
        int limit = queueSize;
        boolean indirect = false;
        int index = head;
        int count = 0;
        while (true) {
            long descriptor = tableOffset + (long) QueueLayout.VIRTQ_DESC_BYTES * index;
            long addr = table.get(U64, descriptor);
            long word = table.get(U64, descriptor + 8);
            long len = word & 0xffff_ffffL;
            int flags = (int) (word >>> 32) & 0xffff;
            int next = (int) (word >>> 48);

            if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
                if (!indirectDesc) {
                    return QueueFault.INDIRECT_NOT_NEGOTIATED;
                }
                if (indirect) {
                    return QueueFault.INDIRECT_NESTED;
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
                // The WRITE flag of this descriptor is to be ignored (2.7.5.3.2).
                table = region.segment();
                tableOffset = region.offsetOf(addr);
                tableEntries = (int) Math.min(len / QueueLayout.VIRTQ_DESC_BYTES, TABLE_ENTRIES_MAX);
                limit = maxChainDescriptors;
                indirect = true;
                index = 0;
                continue;
            }

            if (++count > limit) {
                return QueueFault.CHAIN_LENGTH;
            }
            QueueFault fault = append(chain, addr, len, (flags & VIRTQ_DESC_F_WRITE) != 0);
            if (fault != null) {
                return fault;
            }
            if ((flags & VIRTQ_DESC_F_NEXT) == 0) {
                return null;
            }
            if (next >= tableEntries) {
                return QueueFault.NEXT_INDEX;
            }
            index = next;
        }
    }

    private @Nullable QueueFault append(DescriptorChain chain, long addr, long len, boolean deviceWritable) {
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

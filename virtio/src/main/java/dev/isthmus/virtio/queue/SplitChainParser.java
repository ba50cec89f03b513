// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;

/**
 * Walks the descriptor table of a split virtqueue and takes a checked copy of one chain (virtio 1.2, section 2.7.5).
 * The walk ends after at most as many descriptors as the limit allows, whatever the table says.
 */
final class SplitChainParser extends ChainParser {
    /** {@code next} is an le16, so descriptors beyond are out of its reach. */
    private static final long TABLE_ENTRIES_MAX = 1 << 16;

    private final MemorySegment descriptors;
    private final long descriptorsOffset;
    private final int queueSize;
    private final int maxChainDescriptors;

    SplitChainParser(GuestMemory memory, QueueLayout layout, int maxChainDescriptors, boolean indirectDesc) {
        super(memory, indirectDesc);
        this.descriptors = layout.descriptorRegion().segment();
        this.descriptorsOffset = layout.descriptorOffset();
        this.queueSize = layout.queueSize();
        this.maxChainDescriptors = Math.max(maxChainDescriptors, queueSize);
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
        MemorySegment at = descriptors;
        long atOffset = descriptorsOffset;
        int entries = queueSize;
        int limit = queueSize;
        boolean indirect = false;
        int index = head;
        int count = 0;
        while (true) {
            long descriptor = atOffset + (long) QueueLayout.VIRTQ_DESC_BYTES * index;
            long addr = at.get(U64, descriptor);
            long word = at.get(U64, descriptor + SECOND_WORD);
            long len = lengthOf(word);
            int flags = (int) (word >>> 32) & 0xffff;
            int next = (int) (word >>> 48);

            if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
                QueueFault fault = indirect ? QueueFault.INDIRECT_NESTED : findTable(addr, len, flags);
                if (fault != null) {
                    return fault;
                }
                at = table();
                atOffset = tableOffset();
                entries = (int) Math.min(len / QueueLayout.VIRTQ_DESC_BYTES, TABLE_ENTRIES_MAX);
                limit = maxChainDescriptors;
                indirect = true;
                index = 0;
                continue;
            }

            if (++count > limit) {
                return QueueFault.CHAIN_LENGTH;
            }
            QueueFault fault = append(chain, addr, len, flags);
            if (fault != null) {
                return fault;
            }
            if ((flags & VIRTQ_DESC_F_NEXT) == 0) {
                return null;
            }
            if (next >= entries) {
                return QueueFault.NEXT_INDEX;
            }
            index = next;
        }
    }
}

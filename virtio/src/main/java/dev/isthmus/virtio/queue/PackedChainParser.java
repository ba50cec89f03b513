// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;

/**
 * Takes a checked copy of one list of descriptors out of a packed virtqueue's ring (virtio 1.2, sections 2.8.5 to
 * 2.8.7). A list in the ring is as long as the ring at most; an indirect one as long as the device allows.
 */
final class PackedChainParser extends ChainParser {
    private final MemorySegment ring;
    private final long ringOffset;
    private final int queueSize;
    private final int maxChainDescriptors;

    PackedChainParser(GuestMemory memory, PackedLayout layout, int maxChainDescriptors, boolean indirectDesc) {
        super(memory, indirectDesc);
        this.ring = layout.ringRegion().segment();
        this.ringOffset = layout.ringOffset();
        this.queueSize = layout.queueSize();
        this.maxChainDescriptors = Math.max(maxChainDescriptors, queueSize);
    }

    /** Returns the flags of a descriptor's second word, zero-extended. */
    static int flagsOf(long secondWord) {
        return (int) (secondWord >>> 48);
    }

    private static int idOf(long secondWord) {
        return (int) (secondWord >>> 32) & 0xffff;
    }

    /**
     * Fills a chain from the ring.
     *
     * @param chain what to fill; holds part of the chain where a fault is returned
     * @param first position of the list's first descriptor, below the queue's size
     * @param firstWord its second word, which has been read to see that it is available
     * @param free how many descriptors of the ring can be available from there on, 1 to the queue's size: the rest are
     *     in flight
     * @return null if the chain is sound
     */
    @Nullable QueueFault parse(DescriptorChain chain, int first, long firstWord, int free) {
        int index = first;
        long word = firstWord;
        int count = 1;
        chain.begin(0);
        while (true) {
            long addr = ring.get(U64, ringOffset + (long) QueueLayout.VIRTQ_DESC_BYTES * index);
            int flags = flagsOf(word);
            if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
                // Lists that mix both kinds are forbidden (2.8.19).
                QueueFault fault =
                        count > 1 ? QueueFault.INDIRECT_WITH_NEXT : parseTable(chain, addr, lengthOf(word), flags);
                chain.name(idOf(word), 1);
                return fault;
            }
            QueueFault fault = append(chain, addr, lengthOf(word), flags);
            if (fault != null) {
                return fault;
            }
            if ((flags & VIRTQ_DESC_F_NEXT) == 0) {
                // The last descriptor has the list's id (2.8.6).
                chain.name(idOf(word), count);
                return null;
            }
            if (++count > free) {
                return QueueFault.CHAIN_LENGTH;
            }
            index = index + 1 == queueSize ? 0 : index + 1;
            // Plain: the driver made the rest available before the first one (2.8.17), whose acquire orders it.
            word = ring.get(U64, ringOffset + (long) QueueLayout.VIRTQ_DESC_BYTES * index + SECOND_WORD);
        }
    }

    /** Takes all entries of a table; ids and flags other than WRITE are reserved there and ignored (2.8.7). */
    private @Nullable QueueFault parseTable(DescriptorChain chain, long addr, long len, int flags) {
        QueueFault fault = findTable(addr, len, flags);
        if (fault != null) {
            return fault;
        }
        long entries = len / QueueLayout.VIRTQ_DESC_BYTES;
        if (entries > maxChainDescriptors) {
            return QueueFault.CHAIN_LENGTH;
        }
        MemorySegment table = table();
        long descriptor = tableOffset();
        for (long i = 0; i < entries && fault == null; i++) {
            long entryAddr = table.get(U64, descriptor);
            long word = table.get(U64, descriptor + SECOND_WORD);
            fault = append(chain, entryAddr, lengthOf(word), flagsOf(word));
            descriptor += QueueLayout.VIRTQ_DESC_BYTES;
        }
        return fault;
    }
}

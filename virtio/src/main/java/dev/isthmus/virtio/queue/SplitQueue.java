// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;

/**
 * The device's side of a split virtqueue (virtio 1.2, section 2.7), with VIRTIO_F_EVENT_IDX and
 * VIRTIO_F_INDIRECT_DESC.
 *
 * <pre>
 *  Available Ring (2.7.6)              Used Ring (2.7.8)
 *  +0        le16 flags                +0        le16 flags
 *  +2        le16 idx                  +2        le16 idx
 *  +4        le16 ring[Queue Size]     +4        virtq_used_elem ring[Queue Size]
 *  +4+2*size le16 used_event           +4+8*size le16 avail_event
 *
 *  virtq_used_elem: +0 le32 id, +4 le32 len
 * </pre>
 *
 * <p>Owner: the device's loop thread. The guest's CPUs write the other side at the same time, so the indices and
 * event fields are accessed by VarHandle; what they order is said at each place. Indices are 16-bit, run freely and
 * are kept zero-extended here.
 */
public final class SplitQueue implements Virtqueue {
    /** Set by a driver that wants no used buffer notifications. */
    private static final int VIRTQ_AVAIL_F_NO_INTERRUPT = 1;

    /** Set by a device that needs no available buffer notifications. */
    private static final int VIRTQ_USED_F_NO_NOTIFY = 1;

    private static final int FLAGS = 0;
    private static final int IDX = 2;
    private static final int RING = 4;
    private static final int USED_ELEM_LEN = 4;

    private static final VarHandle U16 =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle().withInvokeExactBehavior();
    private static final ValueLayout.OfShort PLAIN_U16 = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt PLAIN_U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int size;
    private final int mask;
    private final boolean eventIdx;
    private final SplitChainParser parser;

    private final MemorySegment available;
    private final long availableOffset;
    private final long usedEventOffset;
    private final MemorySegment used;
    private final long usedOffset;
    private final long availEventOffset;

    /** Next entry of the available ring to take. */
    private int nextAvailable;

    /** The available idx as last read; entries before it are safe to take without reading it again. */
    private int seenAvailable;

    /** Next entry of the used ring to write; {@link #show} has the driver see it as the used idx. */
    private int nextUsed;

    /** Buffers pushed since the driver was last considered for a notification. */
    private int pushedSinceNotification;

    private final boolean[] headInFlight;
    private int inFlight;

    private final DescriptorChain[] pool;
    private int pooled;

    private @Nullable Malformed fault;

    /**
     * Makes a queue over rings that the driver has set up.
     *
     * @param memory the guest's RAM
     * @param layout the checked rings
     * @param maxChainDescriptors most descriptors in one chain: the device's maximum Queue Size (2.7.5.3.1), which
     *     indirect chains may use even where the driver chose a smaller queue
     * @param eventIdx whether VIRTIO_F_EVENT_IDX was negotiated
     * @param indirectDesc whether VIRTIO_F_INDIRECT_DESC was negotiated
     * @param start where to go on; {@link RingPosition#START} for a fresh queue
     */
    public SplitQueue(
            GuestMemory memory,
            QueueLayout layout,
            int maxChainDescriptors,
            boolean eventIdx,
            boolean indirectDesc,
            RingPosition start) {
        this.size = layout.queueSize();
        this.mask = size - 1;
        this.eventIdx = eventIdx;
        this.parser = new SplitChainParser(memory, layout, maxChainDescriptors, indirectDesc);
        this.available = layout.availableRegion().segment();
        this.availableOffset = layout.availableOffset();
        this.usedEventOffset = availableOffset + RING + 2L * size;
        this.used = layout.usedRegion().segment();
        this.usedOffset = layout.usedOffset();
        this.availEventOffset = usedOffset + RING + (long) QueueLayout.VIRTQ_USED_ELEM_BYTES * size;
        this.nextAvailable = start.nextAvailable();
        this.seenAvailable = start.nextAvailable();
        this.nextUsed = start.nextUsed();
        this.headInFlight = new boolean[size];
        this.pool = new DescriptorChain[size];
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int inFlight() {
        return inFlight;
    }

    /** Returns how far the queue has come. Meaningful for a snapshot only while nothing is in flight. */
    public RingPosition position() {
        return new RingPosition(nextAvailable, nextUsed);
    }

    @Override
    public @Nullable PopOutcome pop() {
        if (fault != null) {
            return fault;
        }
        if (nextAvailable == seenAvailable) {
            if (!lookForAvailable()) {
                return fault;
            }
        }
        // Ordered after the idx by its acquire; the driver may still change it, so it is read once.
        int head = Short.toUnsignedInt(
                available.get(PLAIN_U16, availableOffset + RING + 2L * (nextAvailable & mask)));
        if (head >= size) {
            return broken(QueueFault.HEAD_INDEX);
        }
        if (headInFlight[head]) {
            return broken(QueueFault.HEAD_IN_FLIGHT);
        }
        DescriptorChain chain = pooled == 0 ? new DescriptorChain(this) : pool[--pooled];
        QueueFault parseFault = parser.parse(chain, head);
        if (parseFault != null) {
            pool[pooled++] = chain;
            return broken(parseFault);
        }
        headInFlight[head] = true;
        inFlight++;
        nextAvailable = next(nextAvailable);
        return chain;
    }

    @Override
    public boolean hasAvailable() {
        // Opaque suffices: nothing behind the idx is read here, and pop() reads it again with acquire.
        return fault != null
                || nextAvailable != seenAvailable
                || Short.toUnsignedInt((short) U16.getOpaque(available, availableOffset + IDX)) != nextAvailable;
    }

    /** Reads the available idx; tells whether it shows new entries. Sets {@link #fault} where it is impossible. */
    private boolean lookForAvailable() {
        // Acquire pairs with the driver's barrier between filling ring and descriptors and raising idx (2.7.13.3.1);
        // without it a stale ring entry or descriptor could be read behind a new idx.
        int idx = Short.toUnsignedInt((short) U16.getAcquire(available, availableOffset + IDX));
        int news = (idx - nextAvailable) & 0xffff;
        if (news > size) {
            fault = new Malformed(QueueFault.AVAILABLE_INDEX);
            return false;
        }
        seenAvailable = idx;
        return news != 0;
    }

    private Malformed broken(QueueFault reason) {
        Malformed malformed = new Malformed(reason);
        fault = malformed;
        return malformed;
    }

    @Override
    public void fill(DescriptorChain chain, long writtenBytes) {
        int head = chain.head();
        if (chain.owner() != this || !headInFlight[head]) {
            throw new IllegalStateException("Descriptor chain is not in flight on this queue");
        }
        if (writtenBytes < 0 || writtenBytes > chain.writable().totalBytes()) {
            throw new IllegalStateException("More written than the descriptor chain holds");
        }
        headInFlight[head] = false;
        inFlight--;
        pool[pooled++] = chain;

        long element =
                usedOffset + RING + (long) QueueLayout.VIRTQ_USED_ELEM_BYTES * (nextUsed & mask);
        used.set(PLAIN_U32, element, head);
        // A chain may hold exactly 2^32 bytes, which le32 cannot say; an underestimate is allowed (2.7.8.2).
        used.set(PLAIN_U32, element + USED_ELEM_LEN, (int) Math.min(writtenBytes, 0xffff_ffffL));
        nextUsed = next(nextUsed);
        pushedSinceNotification++;
    }

    @Override
    public void show() {
        // Release pairs with the driver's read barrier after reading idx (2.7.14): without it the driver could see
        // the new idx before the elements, or before the data that was written to the buffer (2.7.8.2).
        U16.setRelease(used, usedOffset + IDX, (short) nextUsed);
    }

    @Override
    public boolean needsNotification() {
        int pushed = pushedSinceNotification;
        if (pushed == 0) {
            return false;
        }
        pushedSinceNotification = 0;
        // Pairs with the driver's full barrier between writing used_event (or flags) and reading the used idx once
        // more (2.7.14). Without it our idx store could pass the load below: we would see the old used_event, the
        // driver the old idx, and nobody would ever look again.
        VarHandle.fullFence();
        if (!eventIdx) {
            int flags = (short) U16.getOpaque(available, availableOffset + FLAGS);
            return (flags & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
        }
        int usedEvent = Short.toUnsignedInt((short) U16.getOpaque(available, usedEventOffset));
        // 2.7.7.2: notify if one of the entries written has the index used_event. The entries are
        // [nextUsed - pushed, nextUsed); a round of 65536 has every index.
        return ((nextUsed - 1 - usedEvent) & 0xffff) < pushed;
    }

    @Override
    public void disableNotifications() {
        if (!eventIdx) {
            U16.setOpaque(used, usedOffset + FLAGS, (short) VIRTQ_USED_F_NO_NOTIFY);
        }
        // With event indices nothing is to be done: an avail_event left behind asks for nothing (2.7.10.2).
    }

    @Override
    public boolean enableNotifications() {
        if (eventIdx) {
            U16.setOpaque(used, availEventOffset, (short) nextAvailable);
        } else {
            U16.setOpaque(used, usedOffset + FLAGS, (short) 0);
        }
        // Pairs with the driver's full barrier between raising the available idx and reading avail_event or flags
        // (2.7.13.4.1). Without it both sides could read the other's old value, and the buffer would wait for ever.
        VarHandle.fullFence();
        if (fault != null) {
            return false;
        }
        return hasAvailable();
    }

    private static int next(int index) {
        return (index + 1) & 0xffff;
    }
}

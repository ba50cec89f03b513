// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;

/**
 * The device's side of a packed virtqueue (virtio 1.2, section 2.8), with VIRTIO_F_EVENT_IDX and
 * VIRTIO_F_INDIRECT_DESC.
 *
 * <pre>
 *  struct pvirtq_desc (2.8.13)         struct pvirtq_event_suppress (2.8.14)
 *  +0  le64 addr                       +0  le16 desc    bits 0 to 14 offset, bit 15 wrap counter
 *  +8  le32 len                        +2  le16 flags   bits 0 and 1
 *  +12 le16 id
 *  +14 le16 flags
 * </pre>
 *
 * <p>One ring serves both directions. The driver makes descriptors available in ring order; the device writes one used
 * descriptor for each list, in the order in which they end, and skips as many as the list had. Which lap of the ring a
 * descriptor's flags belong to is told by wrap counters, which start at 1 and change at the end of the ring (2.8.1):
 *
 * <pre>
 *  descriptor  AVAIL                         USED
 *  available   the driver's counter          the inverse
 *  used        the device's counter          the same
 * </pre>
 *
 * <p>A Buffer ID is the driver's name for a buffer, any 16-bit value: it is handed back and used for nothing else here, so
 * no value can do harm.
 *
 * <p>Owner: the device's loop thread. The guest's CPUs write the ring at the same time; the second word of a descriptor
 * and the event suppression structures are accessed whole by VarHandle, and what they order is said at each place.
 */
public final class PackedQueue implements Virtqueue {
    static final int VIRTQ_DESC_F_AVAIL = 1 << 7;
    static final int VIRTQ_DESC_F_USED = 1 << 15;

    private static final int RING_EVENT_FLAGS_ENABLE = 0;
    private static final int RING_EVENT_FLAGS_DISABLE = 1;
    private static final int RING_EVENT_FLAGS_DESC = 2;
    private static final int RING_EVENT_FLAGS_MASK = 3;

    private static final int EVENT_OFFSET_MASK = 0x7fff;
    private static final int EVENT_WRAP_SHIFT = 15;
    private static final int EVENT_FLAGS_SHIFT = 16;

    /** No descriptor is hidden. */
    private static final int NONE = -1;

    /** Second words are aligned, as the ring is. */
    private static final VarHandle U64 =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle().withInvokeExactBehavior();

    private static final VarHandle U32 =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle().withInvokeExactBehavior();

    private final int size;
    private final boolean eventIdx;
    private final PackedChainParser parser;

    private final MemorySegment ring;
    private final long secondWordsOffset;
    private final MemorySegment driverEvent;
    private final long driverEventOffset;
    private final MemorySegment deviceEvent;
    private final long deviceEventOffset;

    private int nextAvailable;
    private boolean availableWrap;
    private int nextUsed;
    private boolean usedWrap;

    /** The first used descriptor that the driver does not see yet, or {@link #NONE}, and its second word. */
    private int hiddenUsed = NONE;

    private long hiddenWord;

    /** Descriptors of the ring that lists in flight take up, 0 to {@link #size}. */
    private int takenDescriptors;

    /** By how many descriptors {@link #nextUsed} moved since the driver was last considered; two laps at most. */
    private int movedSinceNotification;

    private int inFlight;

    private final DescriptorChain[] pool;
    private int pooled;

    private @Nullable Malformed fault;

    /**
     * Makes a queue over a ring that the driver has set up.
     *
     * @param memory the guest's RAM
     * @param layout the checked parts
     * @param maxChainDescriptors most descriptors in an indirect list: the device's maximum Queue Size, which the driver
     *     may use even where it chose a smaller queue
     * @param eventIdx whether VIRTIO_F_EVENT_IDX was negotiated
     * @param indirectDesc whether VIRTIO_F_INDIRECT_DESC was negotiated
     * @param start where to go on, within the queue's size; {@link PackedPosition#START} for a fresh queue
     */
    public PackedQueue(
            GuestMemory memory,
            PackedLayout layout,
            int maxChainDescriptors,
            boolean eventIdx,
            boolean indirectDesc,
            PackedPosition start) {
        this.size = layout.queueSize();
        if (start.nextAvailable() >= size || start.nextUsed() >= size) {
            throw new IllegalArgumentException("Ring position beyond the ring");
        }
        this.eventIdx = eventIdx;
        this.parser = new PackedChainParser(memory, layout, maxChainDescriptors, indirectDesc);
        this.ring = layout.ringRegion().segment();
        this.secondWordsOffset = layout.ringOffset() + ChainParser.SECOND_WORD;
        this.driverEvent = layout.driverEventRegion().segment();
        this.driverEventOffset = layout.driverEventOffset();
        this.deviceEvent = layout.deviceEventRegion().segment();
        this.deviceEventOffset = layout.deviceEventOffset();
        this.nextAvailable = start.nextAvailable();
        this.availableWrap = start.availableWrap();
        this.nextUsed = start.nextUsed();
        this.usedWrap = start.usedWrap();
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
    public PackedPosition position() {
        return new PackedPosition(nextAvailable, availableWrap, nextUsed, usedWrap);
    }

    @Override
    public @Nullable PopOutcome pop() {
        if (fault != null) {
            return fault;
        }
        // Acquire pairs with the driver's barrier before it sets the flags of a list's first descriptor (2.8.21.1.1);
        // without it the list's other descriptors or addresses could be read as they were before.
        long word = (long) U64.getAcquire(ring, secondWord(nextAvailable));
        if (!available(word)) {
            return null;
        }
        if (takenDescriptors == size) {
            return broken(QueueFault.RING_OVERRUN);
        }
        DescriptorChain chain = pooled == 0 ? new DescriptorChain(this) : pool[--pooled];
        QueueFault parseFault = parser.parse(chain, nextAvailable, word, size - takenDescriptors);
        if (parseFault != null) {
            pool[pooled++] = chain;
            return broken(parseFault);
        }
        chain.setInFlight(true);
        inFlight++;
        takenDescriptors += chain.ringDescriptors();
        nextAvailable += chain.ringDescriptors();
        if (nextAvailable >= size) {
            nextAvailable -= size;
            availableWrap = !availableWrap;
        }
        return chain;
    }

    @Override
    public boolean hasAvailable() {
        // Opaque suffices: nothing behind the flags is read here, and pop() reads them again with acquire.
        return fault != null || available((long) U64.getOpaque(ring, secondWord(nextAvailable)));
    }

    /** Tells whether the descriptor at {@link #nextAvailable} is available, by its second word. */
    private boolean available(long word) {
        int flags = PackedChainParser.flagsOf(word);
        return ((flags & VIRTQ_DESC_F_AVAIL) != 0) == availableWrap && ((flags & VIRTQ_DESC_F_USED) != 0) != availableWrap;
    }

    private long secondWord(int index) {
        return secondWordsOffset + (long) QueueLayout.VIRTQ_DESC_BYTES * index;
    }

    private Malformed broken(QueueFault reason) {
        Malformed malformed = new Malformed(reason);
        fault = malformed;
        return malformed;
    }

    @Override
    public void fill(DescriptorChain chain, long writtenBytes) {
        if (chain.owner() != this || !chain.inFlight()) {
            throw new IllegalStateException("Descriptor chain is not in flight on this queue");
        }
        long writableBytes = chain.writable().totalBytes();
        if (writtenBytes < 0 || writtenBytes > writableBytes) {
            throw new IllegalStateException("More written than the descriptor chain holds");
        }
        int descriptors = chain.ringDescriptors();
        chain.setInFlight(false);
        inFlight--;
        takenDescriptors -= descriptors;
        pool[pooled++] = chain;

        // WRITE says that something may have been written (2.8.3), which the length may underestimate.
        int flags = (usedWrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0)
                | (writableBytes != 0 ? ChainParser.VIRTQ_DESC_F_WRITE : 0);
        // A chain may hold exactly 2^32 bytes, which le32 cannot say.
        long length = Math.min(writtenBytes, 0xffff_ffffL);
        long word = length | (long) chain.head() << 32 | (long) flags << 48;
        if (hiddenUsed == NONE) {
            // The driver looks here first, and goes on from here: what follows is hidden as well.
            hiddenUsed = nextUsed;
            hiddenWord = word;
        } else {
            U64.setOpaque(ring, secondWord(nextUsed), word);
        }
        nextUsed += descriptors;
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
        movedSinceNotification = Math.min(movedSinceNotification + descriptors, 2 * size);
    }

    @Override
    public void show() {
        if (hiddenUsed != NONE) {
            // Length, id and flags in one store. Release pairs with the driver's read barrier after reading the flags
            // (2.8.22): without it the driver could see the descriptor used before the data in its buffer, or before
            // the other descriptors that were hidden behind it.
            U64.setRelease(ring, secondWord(hiddenUsed), hiddenWord);
            hiddenUsed = NONE;
        }
    }

    @Override
    public boolean needsNotification() {
        int moved = movedSinceNotification;
        if (moved == 0) {
            return false;
        }
        movedSinceNotification = 0;
        // Pairs with the driver's full barrier between writing its event suppression and reading the flags of the next
        // used descriptor once more (2.8.22). Without it our store of the flags could pass the load below: we would see
        // the old structure, the driver the old flags, and nobody would ever look again.
        VarHandle.fullFence();
        // Both fields at once: a new event offset must not be taken with old flags.
        int event = (int) U32.getOpaque(driverEvent, driverEventOffset);
        int flags = (event >>> EVENT_FLAGS_SHIFT) & RING_EVENT_FLAGS_MASK;
        if (flags != RING_EVENT_FLAGS_DESC || !eventIdx) {
            // What is reserved is answered by a notification: one too many does no harm.
            return flags != RING_EVENT_FLAGS_DISABLE;
        }
        return passed(event & EVENT_OFFSET_MASK, (event >>> EVENT_WRAP_SHIFT & 1) != 0, moved);
    }

    /**
     * Tells whether the last descriptors that were used or skipped, {@code moved} of them, include one (2.8.10). Positions
     * are counted over two laps, since the wrap counter tells only odd laps from even ones.
     */
    private boolean passed(int eventOffset, boolean eventWrap, int moved) {
        if (eventOffset >= size) {
            return true;
        }
        int laps = 2 * size;
        int next = nextUsed + (usedWrap ? 0 : size);
        int event = eventOffset + (eventWrap ? 0 : size);
        int distance = next - 1 - event;
        return (distance < 0 ? distance + laps : distance) < moved;
    }

    @Override
    public void disableNotifications() {
        setDeviceEvent(RING_EVENT_FLAGS_DISABLE, 0);
    }

    @Override
    public boolean enableNotifications() {
        if (eventIdx) {
            setDeviceEvent(RING_EVENT_FLAGS_DESC, nextAvailable | (availableWrap ? 1 << EVENT_WRAP_SHIFT : 0));
        } else {
            setDeviceEvent(RING_EVENT_FLAGS_ENABLE, 0);
        }
        // Pairs with the driver's full barrier between making a descriptor available and reading this structure
        // (2.8.21.2.1). Without it both sides could read the other's old value, and the buffer would wait for ever.
        VarHandle.fullFence();
        return fault == null && hasAvailable();
    }

    private void setDeviceEvent(int flags, int descriptor) {
        U32.setOpaque(deviceEvent, deviceEventOffset, descriptor | flags << EVENT_FLAGS_SHIFT);
    }
}

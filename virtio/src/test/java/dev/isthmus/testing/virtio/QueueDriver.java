// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.queue.QueueLayout;
import dev.isthmus.virtio.queue.RingPosition;
import dev.isthmus.virtio.queue.SplitQueue;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The driver's side of a split virtqueue (virtio 1.2, sections 2.7.13 and 2.7.14), with the barriers that the
 * specification asks of a driver, so that it may run on another thread than the device.
 *
 * <p>Beside the proper way there are raw writers of every field, for drivers that break the rules. One thread at a
 * time.
 */
public final class QueueDriver extends RingDriver {
    private static final VarHandle U16 = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final GuestMemory memory;
    private final int size;
    private final boolean eventIdx;
    private final long descriptorGpa;
    private final long availableGpa;
    private final long usedGpa;
    private final MemorySegment descriptors;
    private final MemorySegment available;
    private final MemorySegment used;

    private final int[] freeDescriptors;
    private int freeCount;
    private final int[] @Nullable [] chainOfHead;

    /** Available idx including what is not published. */
    private int nextAvailable;

    private int publishedAvailable;
    private int nextUsed;
    private int usedId;
    private long usedLengthBytes;

    /**
     * Places an empty queue in guest memory.
     *
     * @param memory the guest's RAM
     * @param baseGpa where; a multiple of 16, {@link #bytesNeeded} bytes of RAM
     * @param size Queue Size
     * @param eventIdx whether VIRTIO_F_EVENT_IDX is negotiated
     */
    public QueueDriver(GuestMemory memory, long baseGpa, int size, boolean eventIdx) {
        this.memory = memory;
        this.size = size;
        this.eventIdx = eventIdx;
        this.descriptorGpa = baseGpa;
        this.availableGpa = baseGpa + (long) DESC_BYTES * size;
        this.usedGpa = (availableGpa + 6 + 2L * size + 3) & ~3L;
        this.descriptors = memory.slice(descriptorGpa, (long) DESC_BYTES * size);
        this.available = memory.slice(availableGpa, 6 + 2L * size);
        this.used = memory.slice(usedGpa, 6 + 8L * size);
        this.freeDescriptors = new int[size];
        this.chainOfHead = new int[size][];
        for (int i = 0; i < size; i++) {
            freeDescriptors[i] = size - 1 - i;
        }
        this.freeCount = size;
        descriptors.fill((byte) 0);
        available.fill((byte) 0);
        used.fill((byte) 0);
    }

    /** Returns the most memory that a queue takes. */
    public static long bytesNeeded(int size) {
        return 26L * size + 16;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public long descriptorGpa() {
        return descriptorGpa;
    }

    @Override
    public long driverGpa() {
        return availableGpa;
    }

    @Override
    public long deviceGpa() {
        return usedGpa;
    }

    /** Returns where the Available Ring is. */
    public long availableGpa() {
        return availableGpa;
    }

    /** Returns where the Used Ring is. */
    public long usedGpa() {
        return usedGpa;
    }

    @Override
    public QueueLayout layout() {
        if (QueueLayout.check(memory, size, size, descriptorGpa, availableGpa, usedGpa) instanceof QueueLayout layout) {
            return layout;
        }
        throw new AssertionError("not a sound queue");
    }

    @Override
    public Virtqueue openDevice(int maxChainDescriptors, boolean indirectDesc) {
        return new SplitQueue(memory, layout(), maxChainDescriptors, eventIdx, indirectDesc, RingPosition.START);
    }

    @Override
    public int freeDescriptors() {
        return freeCount;
    }

    // Supplying buffers (2.7.13).

    /** Places a chain and its ring entry (2.7.13 steps 1 and 2); its head is the name. */
    @Override
    public int add(Buffer... buffers) {
        int[] chain = new int[buffers.length];
        for (int i = 0; i < chain.length; i++) {
            chain[i] = freeDescriptors[--freeCount];
        }
        for (int i = 0; i < chain.length; i++) {
            boolean more = i + 1 < chain.length;
            writeDescriptor(chain[i], buffers[i], more ? chain[i + 1] : 0, more);
        }
        chainOfHead[chain[0]] = chain;
        addHead(chain[0]);
        return chain[0];
    }

    @Override
    public int addIndirect(long tableGpa, Buffer... buffers) {
        for (int i = 0; i < buffers.length; i++) {
            boolean more = i + 1 < buffers.length;
            int flags = (buffers[i].deviceWritable() ? VIRTQ_DESC_F_WRITE : 0) | (more ? VIRTQ_DESC_F_NEXT : 0);
            writeTableEntry(tableGpa, i, buffers[i].gpa(), buffers[i].lengthBytes(), flags, more ? i + 1 : 0);
        }
        int head = freeDescriptors[--freeCount];
        chainOfHead[head] = new int[] {head};
        writeDescriptor(head, tableGpa, (long) DESC_BYTES * buffers.length, VIRTQ_DESC_F_INDIRECT, 0);
        addHead(head);
        return head;
    }

    @Override
    public void addMalformed() {
        addHead(0xffff);
    }

    /** Puts a head, any value, into the next available ring entry, which is not shown yet. */
    public void addHead(int head) {
        writeAvailableEntry(nextAvailable, head);
        nextAvailable = (nextAvailable + 1) & 0xffff;
    }

    /** Steps 4 and 5 of 2.7.13. */
    @Override
    public void publish() {
        // Release: descriptors and ring entries before the idx (2.7.13.3.1).
        U16.setRelease(available, 2L, (short) nextAvailable);
    }

    /** By 2.7.10.1. */
    @Override
    public boolean needsKick() {
        // Between writing idx and reading flags or avail_event (2.7.13.4.1).
        VarHandle.fullFence();
        int added = (nextAvailable - publishedAvailable) & 0xffff;
        publishedAvailable = nextAvailable;
        if (!eventIdx) {
            return added > 0 && (usedFlags() & 1) == 0;
        }
        return ((nextAvailable - 1 - availEvent()) & 0xffff) < added;
    }

    // Receiving used buffers (2.7.14).

    @Override
    public boolean pollUsed() {
        // Acquire: the idx before the element and the data.
        int idx = Short.toUnsignedInt((short) U16.getAcquire(used, 2L));
        if (idx == nextUsed) {
            return false;
        }
        long element = 4 + 8L * (nextUsed & (size - 1));
        usedId = used.get(U32, element);
        usedLengthBytes = Integer.toUnsignedLong(used.get(U32, element + 4));
        nextUsed = (nextUsed + 1) & 0xffff;
        int[] chain = usedId >= 0 && usedId < size ? chainOfHead[usedId] : null;
        if (chain != null) {
            chainOfHead[usedId] = null;
            for (int descriptor : chain) {
                freeDescriptors[freeCount++] = descriptor;
            }
        }
        return true;
    }

    @Override
    public int usedId() {
        return usedId;
    }

    @Override
    public long usedLengthBytes() {
        return usedLengthBytes;
    }

    /** By 2.7.7.1. */
    @Override
    public boolean enableInterrupts() {
        if (eventIdx) {
            U16.setOpaque(available, usedEventOffset(), (short) nextUsed);
        } else {
            U16.setOpaque(available, 0L, (short) 0);
        }
        VarHandle.fullFence();
        return Short.toUnsignedInt((short) U16.getAcquire(used, 2L)) != nextUsed;
    }

    @Override
    public void disableInterrupts() {
        if (!eventIdx) {
            U16.setOpaque(available, 0L, (short) 1);
        }
    }

    // Raw fields.

    private void writeDescriptor(int index, Buffer buffer, int next, boolean more) {
        int flags = (buffer.deviceWritable() ? VIRTQ_DESC_F_WRITE : 0) | (more ? VIRTQ_DESC_F_NEXT : 0);
        writeDescriptor(index, buffer.gpa(), buffer.lengthBytes(), flags, next);
    }

    /** Writes a descriptor of the queue's own table. */
    public void writeDescriptor(int index, long addr, long len, int flags, int next) {
        long offset = (long) DESC_BYTES * index;
        descriptors.set(U64, offset, addr);
        descriptors.set(U64, offset + 8, word(len, flags, next));
    }

    /** Writes a descriptor of an indirect table. */
    public void writeTableEntry(long tableGpa, int index, long addr, long len, int flags, int next) {
        memory.writeU64(tableGpa + (long) DESC_BYTES * index, addr);
        memory.writeU64(tableGpa + (long) DESC_BYTES * index + 8, word(len, flags, next));
    }

    private static long word(long len, int flags, int next) {
        return (len & 0xffff_ffffL) | (long) (flags & 0xffff) << 32 | (long) (next & 0xffff) << 48;
    }

    /** Writes an entry of the available ring. */
    public void writeAvailableEntry(int index, int head) {
        U16.set(available, 4 + 2L * (index & (size - 1)), (short) head);
    }

    /** Writes the available idx, forgetting what was added. */
    public void writeAvailableIdx(int idx) {
        nextAvailable = idx & 0xffff;
        publish();
    }

    /** Writes the available flags. */
    public void writeAvailableFlags(int flags) {
        U16.setOpaque(available, 0L, (short) flags);
    }

    /** Writes {@code used_event}. */
    public void writeUsedEvent(int event) {
        U16.setOpaque(available, usedEventOffset(), (short) event);
    }

    private long usedEventOffset() {
        return 4 + 2L * size;
    }

    /** Reads the used flags. */
    public int usedFlags() {
        return Short.toUnsignedInt((short) U16.getOpaque(used, 0L));
    }

    /** Reads the used idx. */
    public int usedIdx() {
        return Short.toUnsignedInt((short) U16.getAcquire(used, 2L));
    }

    /** Reads {@code avail_event}. */
    public int availEvent() {
        return Short.toUnsignedInt((short) U16.getOpaque(used, 4 + 8L * size));
    }

    /** Starts both free-running indices elsewhere, so that tests see them wrap; before the queue is used. */
    public void startAt(int index) {
        nextAvailable = index;
        publishedAvailable = index;
        nextUsed = index;
        publish();
        U16.setRelease(used, 2L, (short) index);
    }

    /** Returns a copy of the whole Descriptor Table. */
    public byte[] descriptorTable() {
        return descriptors.toArray(ValueLayout.JAVA_BYTE);
    }
}

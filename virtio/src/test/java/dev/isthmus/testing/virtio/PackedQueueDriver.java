// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.queue.PackedLayout;
import dev.isthmus.virtio.queue.PackedPosition;
import dev.isthmus.virtio.queue.PackedQueue;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The driver's side of a packed virtqueue (virtio 1.2, sections 2.8.21 and 2.8.22), with the barriers that the
 * specification asks of a driver, so that it may run on another thread than the device.
 *
 * <p>Beside the proper way there are raw writers of every field, for drivers that break the rules.
 */
public final class PackedQueueDriver extends RingDriver {
    /** Set to the driver's wrap counter where available, to the device's where used. */
    public static final int VIRTQ_DESC_F_AVAIL = 1 << 7;
    /** Set to the inverse of the driver's wrap counter where available, to the device's where used. */
    public static final int VIRTQ_DESC_F_USED = 1 << 15;

    /** Notify always. */
    public static final int RING_EVENT_FLAGS_ENABLE = 0;
    /** Notify never. */
    public static final int RING_EVENT_FLAGS_DISABLE = 1;
    /** Notify at one descriptor. */
    public static final int RING_EVENT_FLAGS_DESC = 2;

    private static final VarHandle U64 =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle U32 =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final GuestMemory memory;
    private final int size;
    private final boolean eventIdx;
    private final long ringGpa;
    private final MemorySegment ring;
    private final MemorySegment driverEvent;
    private final MemorySegment deviceEvent;

    private int nextAvailable;
    private boolean availableWrap = true;
    private int nextUsed;
    private boolean usedWrap = true;

    /** Second word of the first descriptor that was added and not shown; nothing where there is none. */
    private long hiddenWord;

    private int hidden = -1;

    /** Descriptors shown since the device was last asked whether it wants to know. */
    private int shownSinceKick;

    private int addedSincePublish;

    private int idBase;
    private final int[] freeIds;
    private int freeIdCount;
    private final int[] listLengths;
    private int freeDescriptors;
    private int usedId;
    private long usedLengthBytes;
    private int usedFlags;

    /**
     * Places an empty queue in guest memory.
     *
     * @param memory the guest's RAM
     * @param baseGpa where; a multiple of 16, {@link #bytesNeeded} bytes of RAM
     * @param size Queue Size
     * @param eventIdx whether VIRTIO_F_EVENT_IDX is negotiated
     */
    public PackedQueueDriver(GuestMemory memory, long baseGpa, int size, boolean eventIdx) {
        this.memory = memory;
        this.size = size;
        this.eventIdx = eventIdx;
        this.ringGpa = baseGpa;
        this.ring = memory.slice(ringGpa, (long) DESC_BYTES * size);
        this.driverEvent = memory.slice(driverGpa(), 4);
        this.deviceEvent = memory.slice(deviceGpa(), 4);
        this.freeIds = new int[size];
        this.listLengths = new int[size];
        for (int i = 0; i < size; i++) {
            freeIds[i] = size - 1 - i;
        }
        this.freeIdCount = size;
        this.freeDescriptors = size;
        ring.fill((byte) 0);
        driverEvent.fill((byte) 0);
        deviceEvent.fill((byte) 0);
    }

    /** Returns the memory that a queue takes. */
    public static long bytesNeeded(int size) {
        return (long) DESC_BYTES * size + 8;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public long descriptorGpa() {
        return ringGpa;
    }

    @Override
    public long driverGpa() {
        return ringGpa + (long) DESC_BYTES * size;
    }

    @Override
    public long deviceGpa() {
        return driverGpa() + 4;
    }

    @Override
    public PackedLayout layout() {
        if (PackedLayout.check(memory, size, size, ringGpa, driverGpa(), deviceGpa()) instanceof PackedLayout layout) {
            return layout;
        }
        throw new AssertionError("not a sound queue");
    }

    @Override
    public Virtqueue openDevice(int maxChainDescriptors, boolean indirectDesc) {
        return new PackedQueue(memory, layout(), maxChainDescriptors, eventIdx, indirectDesc, PackedPosition.START);
    }

    @Override
    public int freeDescriptors() {
        return freeDescriptors;
    }

    /** Has Buffer IDs begin elsewhere; before the queue is used. */
    public void startIdsAt(int base) {
        idBase = base;
    }

    /** Starts both positions elsewhere, as if all before had been used; before the queue is used. */
    public void startAt(int index, boolean wrap) {
        nextAvailable = index;
        nextUsed = index;
        availableWrap = wrap;
        usedWrap = wrap;
        for (int i = 0; i < size; i++) {
            // What lies ahead was used in the lap before this one.
            boolean lap = (i >= index) != wrap;
            writeDescriptor(i, 0, 0, 0, lap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0);
        }
    }

    // Supplying buffers (2.8.21).

    @Override
    public int add(Buffer... buffers) {
        int id = takeId(buffers.length);
        for (int i = 0; i < buffers.length; i++) {
            boolean more = i + 1 < buffers.length;
            int flags =
                    (buffers[i].deviceWritable() ? VIRTQ_DESC_F_WRITE : 0) | (more ? VIRTQ_DESC_F_NEXT : 0);
            // Only the last has the id (2.8.6); the others have one that must not matter.
            place(buffers[i].gpa(), buffers[i].lengthBytes(), more ? ~id : id, flags);
        }
        return id;
    }

    @Override
    public int addIndirect(long tableGpa, Buffer... buffers) {
        for (int i = 0; i < buffers.length; i++) {
            // Reserved flags and ids, to be ignored there (2.8.7).
            int flags = (buffers[i].deviceWritable() ? VIRTQ_DESC_F_WRITE : 0) | VIRTQ_DESC_F_NEXT;
            writeTableEntry(tableGpa, i, buffers[i].gpa(), buffers[i].lengthBytes(), 0xffff, flags);
        }
        int id = takeId(1);
        place(tableGpa, (long) DESC_BYTES * buffers.length, id, VIRTQ_DESC_F_INDIRECT);
        return id;
    }

    @Override
    public void addMalformed() {
        place(-1, 1, 0, 0);
    }

    private int takeId(int descriptors) {
        int slot = freeIds[--freeIdCount];
        listLengths[slot] = descriptors;
        freeDescriptors -= descriptors;
        return (idBase + slot) & 0xffff;
    }

    /** Writes the next descriptor, available but for the first one since the last {@link #publish}. */
    public void place(long addr, long len, int id, int flags) {
        int lapFlags = availableWrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
        long word = word(len, id, flags | lapFlags);
        long offset = (long) DESC_BYTES * nextAvailable;
        U64.set(ring, offset, addr);
        if (hidden < 0) {
            hidden = nextAvailable;
            hiddenWord = word;
        } else {
            U64.setRelease(ring, offset + 8, word);
        }
        addedSincePublish++;
        if (++nextAvailable == size) {
            nextAvailable = 0;
            availableWrap = !availableWrap;
        }
    }

    @Override
    public void publish() {
        if (hidden >= 0) {
            // Release: all the rest before the flags of the first (2.8.21.1.1).
            U64.setRelease(ring, (long) DESC_BYTES * hidden + 8, hiddenWord);
            hidden = -1;
        }
        shownSinceKick += addedSincePublish;
        addedSincePublish = 0;
    }

    /** By 2.8.10 and 2.8.21.2. */
    @Override
    public boolean needsKick() {
        // Between showing the flags and reading the event suppression (2.8.21.2.1).
        VarHandle.fullFence();
        int shown = shownSinceKick;
        shownSinceKick = 0;
        int event = deviceEvent();
        int flags = event >>> 16;
        if (shown == 0 || flags == RING_EVENT_FLAGS_DISABLE) {
            return false;
        }
        if (flags == RING_EVENT_FLAGS_ENABLE) {
            return true;
        }
        int laps = 2 * size;
        int next = nextAvailable + (availableWrap ? 0 : size);
        int at = (event & 0x7fff) + ((event & 0x8000) != 0 ? 0 : size);
        return Math.floorMod(next - 1 - at, laps) < shown;
    }

    // Receiving used buffers (2.8.22).

    @Override
    public boolean pollUsed() {
        // Acquire: the flags before the data.
        long word = secondWord(nextUsed);
        if (!isUsed(word)) {
            return false;
        }
        usedFlags = (int) (word >>> 48);
        usedId = (int) (word >>> 32) & 0xffff;
        usedLengthBytes = word & 0xffff_ffffL;
        int slot = (usedId - idBase) & 0xffff;
        int skipped = 1;
        if (slot < size && listLengths[slot] > 0) {
            skipped = listLengths[slot];
            listLengths[slot] = 0;
            freeIds[freeIdCount++] = slot;
            freeDescriptors += skipped;
        }
        nextUsed += skipped;
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
        return true;
    }

    private boolean isUsed(long word) {
        int flags = (int) (word >>> 48);
        return ((flags & VIRTQ_DESC_F_USED) != 0) == usedWrap && ((flags & VIRTQ_DESC_F_AVAIL) != 0) == usedWrap;
    }

    @Override
    public int usedId() {
        return usedId;
    }

    @Override
    public long usedLengthBytes() {
        return usedLengthBytes;
    }

    /** Returns the flags of the used descriptor last taken. */
    public int usedFlags() {
        return usedFlags;
    }

    @Override
    public boolean enableInterrupts() {
        if (eventIdx) {
            writeDriverEvent(RING_EVENT_FLAGS_DESC, nextUsed, usedWrap);
        } else {
            writeDriverEvent(RING_EVENT_FLAGS_ENABLE, 0, false);
        }
        VarHandle.fullFence();
        return isUsed(secondWord(nextUsed));
    }

    @Override
    public void disableInterrupts() {
        writeDriverEvent(RING_EVENT_FLAGS_DISABLE, 0, false);
    }

    // Raw fields.

    private long secondWord(int index) {
        return (long) U64.getAcquire(ring, (long) DESC_BYTES * index + 8);
    }

    private static long word(long len, int id, int flags) {
        return (len & 0xffff_ffffL) | (long) (id & 0xffff) << 32 | (long) (flags & 0xffff) << 48;
    }

    /** Writes a descriptor of the ring. */
    public void writeDescriptor(int index, long addr, long len, int id, int flags) {
        U64.set(ring, (long) DESC_BYTES * index, addr);
        U64.setRelease(ring, (long) DESC_BYTES * index + 8, word(len, id, flags));
    }

    /** Writes a descriptor of an indirect table. */
    public void writeTableEntry(long tableGpa, int index, long addr, long len, int id, int flags) {
        memory.writeU64(tableGpa + (long) DESC_BYTES * index, addr);
        memory.writeU64(tableGpa + (long) DESC_BYTES * index + 8, word(len, id, flags));
    }

    /** Reads the flags of a descriptor of the ring. */
    public int descriptorFlags(int index) {
        return (int) (secondWord(index) >>> 48);
    }

    /** Writes the Driver Event Suppression. */
    public void writeDriverEvent(int flags, int offset, boolean wrap) {
        U32.setOpaque(driverEvent, 0L, (offset & 0x7fff) | (wrap ? 0x8000 : 0) | flags << 16);
    }

    /** Reads the Device Event Suppression: offset and wrap counter in the low half, flags in the high one. */
    public int deviceEvent() {
        return (int) U32.getOpaque(deviceEvent, 0L);
    }
}

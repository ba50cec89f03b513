// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import dev.isthmus.virtio.queue.RingLayout;
import dev.isthmus.virtio.queue.Virtqueue;

/** The driver's side of a virtqueue, whatever its ring format. One thread at a time. */
public abstract sealed class RingDriver permits QueueDriver, PackedQueueDriver {
    /** The chain goes on. */
    public static final int VIRTQ_DESC_F_NEXT = 1;
    /** The device writes the buffer. */
    public static final int VIRTQ_DESC_F_WRITE = 2;
    /** The buffer is a table of descriptors. */
    public static final int VIRTQ_DESC_F_INDIRECT = 4;

    static final int DESC_BYTES = 16;

    RingDriver() {}

    /** Returns Queue Size. */
    public abstract int size();

    /** Returns where the Descriptor Area is. */
    public abstract long descriptorGpa();

    /** Returns where the Driver Area is. */
    public abstract long driverGpa();

    /** Returns where the Device Area is. */
    public abstract long deviceGpa();

    /** Returns where the parts are, as a device takes it up. */
    public abstract RingLayout layout();

    /** Makes the device's side of a fresh queue. */
    public abstract Virtqueue openDevice(int maxChainDescriptors, boolean indirectDesc);

    /** Returns how many descriptors are free. */
    public abstract int freeDescriptors();

    /**
     * Places a chain of as many descriptors as elements, but does not show it yet.
     *
     * @return what names it when it is used
     */
    public abstract int add(Buffer... buffers);

    /**
     * As {@link #add}, with the chain in an indirect table.
     *
     * @param tableGpa where to put the table, 16 bytes an element
     */
    public abstract int addIndirect(long tableGpa, Buffer... buffers);

    /** Places something that breaks the rules of the ring, but does not show it yet. */
    public abstract void addMalformed();

    /** Shows the device all that was added. */
    public abstract void publish();

    /** {@link #add} and {@link #publish}. */
    public final int offer(Buffer... buffers) {
        int id = add(buffers);
        publish();
        return id;
    }

    /** Tells whether the device wants a notification for what was published since the last call. */
    public abstract boolean needsKick();

    /** Takes the next used buffer, if there is one; {@link #usedId} and {@link #usedLengthBytes} then describe it. */
    public abstract boolean pollUsed();

    /** Returns the name of the used buffer last taken. */
    public abstract int usedId();

    /** Returns the used length of the used buffer last taken. */
    public abstract long usedLengthBytes();

    /**
     * Asks for a notification at the next used buffer.
     *
     * @return whether there are used buffers already, for which none may come
     */
    public abstract boolean enableInterrupts();

    /** Advises the device that no notifications are needed. */
    public abstract void disableInterrupts();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * A validated snapshot of one buffer that the driver made available (virtio 1.2, sections 2.7.5 and 2.8.5).
 *
 * <p>The descriptors were read once and are not looked at again. Every range lies in guest RAM, device-readable
 * ranges come before device-writable ones, and all together hold at most 2^32 bytes. Empty descriptors are left out.
 * The bytes themselves are still shared with the guest, which may change them at any time: what is read from them
 * must be read once too.
 *
 * <p>Chains are pooled by their queue. One is valid from {@link Virtqueue#pop} until {@link Virtqueue#push}; in
 * between it may be handed to another thread, which then owns it.
 */
public final class DescriptorChain implements PopOutcome {
    private final Virtqueue owner;
    private final ScatterList readable = new ScatterList();
    private final ScatterList writable = new ScatterList();
    private int head;

    /** Descriptors of a packed ring that the chain takes up. */
    private int ringDescriptors;

    /** Whether a packed queue has handed the chain out; a split queue knows by its head. */
    private boolean inFlight;

    DescriptorChain(Virtqueue owner) {
        this.owner = owner;
    }

    void begin(int newHead) {
        head = newHead;
        readable.clear();
        writable.clear();
    }

    /** Sets what is known of a packed chain only at its end: its Buffer ID, and how long it is in the ring. */
    void name(int bufferId, int newRingDescriptors) {
        head = bufferId;
        ringDescriptors = newRingDescriptors;
    }

    int ringDescriptors() {
        return ringDescriptors;
    }

    boolean inFlight() {
        return inFlight;
    }

    void setInFlight(boolean newInFlight) {
        inFlight = newInFlight;
    }

    /** Appends a checked range; the parser's to call. */
    void add(boolean deviceWritable, MemorySegment segment, long offset, long lengthBytes) {
        (deviceWritable ? writable : readable).add(segment, offset, lengthBytes);
    }

    Virtqueue owner() {
        return owner;
    }

    /**
     * Returns what names the buffer to the driver: the index of the chain's first descriptor in a split queue; the Buffer
     * ID in a packed one, 0 to 0xffff.
     */
    public int head() {
        return head;
    }

    /** Returns the device-readable bytes. */
    public ScatterView readable() {
        return readable;
    }

    /** Returns the device-writable bytes. */
    public ScatterView writable() {
        return writable;
    }
}

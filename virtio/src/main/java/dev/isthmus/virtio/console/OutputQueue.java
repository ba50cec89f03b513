// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A port's running transmit queue: hands output to the host straight from the guest's memory. What the host does not take
 * stays where it is, with its buffer, so that a guest waits for a slow host and nothing is lost. Loop thread only;
 * allocates nothing once it is warm.
 */
final class OutputQueue {
    /** What is handed over before other work of the loop. */
    static final int ROUND_BYTES = 256 << 10;

    private static final int PIECE_BYTES = 64 << 10;

    private final int index;
    private final Virtqueue queue;
    private final ConsoleBackend backend;
    private final ConsoleSession session;
    private final BottomHalf more;

    /** The buffer that the host has not taken all of; its place is {@link #element} and {@link #position} in that. */
    private @Nullable DescriptorChain pending;

    private int element;
    private long position;
    private boolean full;
    private boolean stopped;

    OutputQueue(int index, Virtqueue queue, ConsoleBackend backend, ConsoleSession session) {
        this.index = index;
        this.queue = queue;
        this.backend = backend;
        this.session = session;
        this.more = session.activation().loop().newBottomHalf(this::process);
    }

    /** The host takes more. */
    void goOn() {
        full = false;
        process();
    }

    /** Hands over what the driver has made available, as far as the host takes it; a bounded part at a time. */
    void process() {
        if (stopped || full) {
            return;
        }
        int buffersLeft = queue.size();
        long bytesLeft = ROUND_BYTES;
        queue.disableNotifications();
        do {
            while (!full && !stopped && buffersLeft > 0 && bytesLeft > 0 && (pending != null || take())) {
                bytesLeft -= transmit();
                if (pending == null) {
                    buffersLeft--;
                }
            }
        } while (!full && !stopped && buffersLeft > 0 && bytesLeft > 0 && queue.enableNotifications());
        if (queue.needsNotification()) {
            session.activation().driver().usedBuffers(index);
        }
        if (!full && !stopped && (buffersLeft == 0 || bytesLeft <= 0)) {
            more.schedule();
        }
    }

    private boolean take() {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            pending = chain;
            element = 0;
            position = 0;
            return true;
        }
        if (outcome instanceof Malformed malformed) {
            stop();
            session.activation().driver().needsReset(index, malformed.reason().description());
        }
        return false;
    }

    /** Hands a piece over, or the buffer back where there is none; returns how many bytes were taken. */
    private int transmit() {
        DescriptorChain chain = pending;
        if (chain == null) {
            return 0;
        }
        ScatterView bytes = chain.readable();
        if (element == bytes.count()) {
            pending = null;
            queue.push(chain, 0);
            return 0;
        }
        long elementBytes = bytes.lengthBytes(element);
        int length = (int) Math.min(elementBytes - position, PIECE_BYTES);
        int taken = backend.transmit(bytes.segment(element), bytes.offset(element) + position, length);
        session.statistics().transmitBytes.add(taken);
        if (taken < length) {
            full = true;
            session.statistics().transmitFull.increment();
        }
        position += taken;
        if (position == elementBytes) {
            element++;
            position = 0;
        }
        return taken;
    }

    /** Drops what the host has not taken, and hands its buffer back. */
    void giveBack() {
        DescriptorChain chain = pending;
        if (chain != null) {
            pending = null;
            queue.push(chain, 0);
            if (queue.needsNotification()) {
                session.activation().driver().usedBuffers(index);
            }
        }
    }

    /** Takes nothing more. */
    void stop() {
        stopped = true;
        more.cancel();
    }
}

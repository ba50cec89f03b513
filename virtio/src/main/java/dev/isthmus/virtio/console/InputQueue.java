// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.Scatters;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A port's running receive queue: input goes to one buffer after the other, at once. Nothing is held here: where there is no
 * buffer, the host keeps what it has. Loop thread only; allocates nothing once it is warm.
 */
final class InputQueue {
    private final int index;
    private final Virtqueue queue;
    private final ConsoleSession session;

    /** The buffer that is next, taken to see how large it is. */
    private @Nullable DescriptorChain next;

    private boolean broken;

    InputQueue(int index, Virtqueue queue, ConsoleSession session) {
        this.index = index;
        this.queue = queue;
        this.session = session;
    }

    /** Returns how much goes to the next buffer; 0 where there is none, of which the driver is to notify then. */
    int room() {
        if (next == null && !broken) {
            queue.disableNotifications();
            next = take();
            if (next == null && !broken && queue.enableNotifications()) {
                next = take();
            }
        }
        DescriptorChain chain = next;
        return chain == null ? 0 : (int) Math.min(chain.writable().totalBytes(), Integer.MAX_VALUE);
    }

    private @Nullable DescriptorChain take() {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            if (chain.writable().totalBytes() > 0) {
                return chain;
            }
            fail("receive buffer without room");
        } else if (outcome instanceof Malformed malformed) {
            fail(malformed.reason().description());
        }
        return null;
    }

    private void fail(String reason) {
        broken = true;
        session.activation().driver().needsReset(index, reason);
    }

    /** Hands back the buffer that was taken and not used. */
    void giveBack() {
        DescriptorChain chain = next;
        if (chain != null) {
            next = null;
            push(chain, 0);
        }
    }

    void noteNoRoom() {
        session.statistics().receiveNoRoom.increment();
    }

    /** Hands input to the guest, which {@link #room} has room for. */
    void receive(MemorySegment source, long offset, int lengthBytes) {
        DescriptorChain chain = next;
        if (chain == null) {
            throw new IllegalStateException("input without room");
        }
        Scatters.copy(source, offset, chain.writable(), 0, lengthBytes);
        next = null;
        session.statistics().receiveBytes.add(lengthBytes);
        push(chain, lengthBytes);
    }

    private void push(DescriptorChain chain, int usedBytes) {
        queue.push(chain, usedBytes);
        if (queue.needsNotification()) {
            session.activation().driver().usedBuffers(index);
        }
    }
}

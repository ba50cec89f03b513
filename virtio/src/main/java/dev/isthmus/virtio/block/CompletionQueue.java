// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;

/**
 * Brings completed requests from any number of workers back to the one loop thread, and keeps those that the loop itself
 * completes until it comes to them.
 *
 * <pre>
 *           oldest                       newest
 *  taken → [ dummy ] → [ request ] → … → [ request ] ← last
 * </pre>
 *
 * <p>An intrusive queue after Vyukov: adding is one exchange and one store, wait-free and without allocation. Between
 * the two the chain has a gap; the loop then sees it as empty, which loses nothing, because the worker wakes the loop
 * only after it closed the gap.
 */
final class CompletionQueue {
    private static final VarHandle LAST;

    static {
        try {
            LAST = MethodHandles.lookup().findVarHandle(CompletionQueue.class, "last", BlkRequest.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final EventLoop loop;
    private final BottomHalf wake;
    private final BlkRequest dummy;
    private volatile BlkRequest last;

    /** Next request to hand out, or the dummy before it. Loop thread only. */
    private BlkRequest taken;

    /** Those that the loop has completed. Loop thread only. */
    private final RequestList ofLoop = new RequestList();

    /** Whoever calls {@link #poll} does so after this anyway. Loop thread only. */
    private boolean attended;

    /**
     * Makes an empty queue.
     *
     * @param loop whose thread polls
     * @param wake has the loop call {@link #poll} until it returns null
     */
    @SuppressWarnings("NullAway") // The dummy is never submitted, completed or handed out.
    CompletionQueue(BlockBackend backend, EventLoop loop, BottomHalf wake) {
        this.loop = loop;
        this.wake = wake;
        this.dummy = new BlkRequest(backend, null, this);
        this.last = dummy;
        this.taken = dummy;
    }

    /** Adds a completed request and wakes the loop. Any thread; the caller must not touch the request afterwards. */
    void add(BlkRequest request) {
        if (loop.inLoop()) {
            ofLoop.add(request);
            if (!attended) {
                wake.schedule();
            }
        } else {
            link(request);
            wake.schedule();
        }
    }

    /** Says whether the caller looks at {@link #anyOfLoop} by itself, so that the loop need not be woken. Loop thread. */
    void attend(boolean now) {
        attended = now;
    }

    /** Tells whether there are requests that the loop has completed. Loop thread. */
    boolean anyOfLoop() {
        return !ofLoop.isEmpty();
    }

    private void link(BlkRequest request) {
        request.next = null;
        BlkRequest previous = (BlkRequest) LAST.getAndSet(this, request);
        // Publishes the outcome with the request: pairs with the read of next in poll().
        previous.next = request;
    }

    /** Takes the oldest completed request, or null where there is none, or none whose link is done. Loop thread. */
    @Nullable BlkRequest poll() {
        BlkRequest own = ofLoop.poll();
        if (own != null) {
            return own;
        }
        BlkRequest first = taken;
        BlkRequest second = first.next;
        if (first == dummy) {
            if (second == null) {
                return null;
            }
            taken = second;
            first = second;
            second = first.next;
        }
        if (second == null) {
            if (first != last) {
                // A worker is about to link its request behind this one; it wakes us then.
                return null;
            }
            // The last one may leave only with another behind it to stand in.
            link(dummy);
            second = first.next;
            if (second == null) {
                return null;
            }
        }
        taken = second;
        return first;
    }
}

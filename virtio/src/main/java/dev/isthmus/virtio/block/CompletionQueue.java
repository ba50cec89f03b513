// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.device.BottomHalf;

/**
 * Brings completed requests from any number of workers back to the one loop thread.
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

    private final BottomHalf wake;
    private final BlkRequest dummy;
    private volatile BlkRequest last;

    /** Next request to hand out, or the dummy before it. Loop thread only. */
    private BlkRequest taken;

    /**
     * Makes an empty queue.
     *
     * @param wake has the loop call {@link #poll} until it returns null
     */
    @SuppressWarnings("NullAway") // The dummy is never submitted, completed or handed out.
    CompletionQueue(BlockBackend backend, BottomHalf wake) {
        this.wake = wake;
        this.dummy = new BlkRequest(backend, null, this);
        this.last = dummy;
        this.taken = dummy;
    }

    /** Adds a completed request and wakes the loop. Any thread; the caller must not touch the request afterwards. */
    void add(BlkRequest request) {
        link(request);
        wake.schedule();
    }

    private void link(BlkRequest request) {
        request.next = null;
        BlkRequest previous = (BlkRequest) LAST.getAndSet(this, request);
        // Publishes the outcome with the request: pairs with the read of next in poll().
        previous.next = request;
    }

    /** Takes the oldest completed request, or null where there is none, or none whose link is done. Loop thread. */
    @Nullable BlkRequest poll() {
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

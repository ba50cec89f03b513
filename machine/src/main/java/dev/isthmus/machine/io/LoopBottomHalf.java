// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.concurrent.atomic.AtomicInteger;

import dev.isthmus.device.BottomHalf;

/**
 * A bottom half of an {@link IoThread}.
 *
 * <pre>
 *  IDLE ──schedule──▶ QUEUED ──run──▶ IDLE
 *                       │
 *                     cancel
 *                       ▼
 *                   CANCELLED ──(stays; a queued one leaves the queue unrun)
 * </pre>
 */
final class LoopBottomHalf extends BottomHalfQueue.Node implements BottomHalf {
    private static final long serialVersionUID = 1L;

    private static final int IDLE = 0;
    private static final int QUEUED = 1;

    private final transient IoThread loop;
    private final transient Runnable callback;
    private final transient AtomicInteger state = new AtomicInteger(IDLE);

    /** Loop thread only. */
    private boolean cancelled;

    LoopBottomHalf(IoThread loop, Runnable callback) {
        this.loop = loop;
        this.callback = callback;
    }

    @Override
    public void schedule() {
        // The swap orders what the caller wrote before the callback that will read it, whoever queued the node.
        if (state.getAndSet(QUEUED) == IDLE) {
            loop.enqueue(this);
        }
    }

    @Override
    public void cancel() {
        assert loop.inLoop();
        cancelled = true;
    }

    /** Runs after leaving the queue. */
    void run() {
        // Before the callback, so that a request made while it runs makes it run again. A swap, not a plain store:
        // it pairs with the swap in schedule() that found QUEUED and left it at that.
        state.getAndSet(IDLE);
        if (!cancelled) {
            loop.run(callback);
        }
    }

    /** Queues this node to mark a place, unless it is queued already. Loop thread only. */
    void scheduleAsMark() {
        schedule();
    }

    /** The mark has left the queue. Loop thread only. */
    void markReached() {
        state.set(IDLE);
    }
}

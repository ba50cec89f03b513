// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;

/**
 * Brings requests that have ended from any number of workers back to the one loop thread: a stack that workers push to and
 * the loop takes as a whole, so that no request is ever taken off between others (no ABA), and nothing is allocated.
 */
final class FsReturns {
    private static final VarHandle NEWEST;

    static {
        try {
            NEWEST = MethodHandles.lookup().findVarHandle(FsReturns.class, "newest", FsRequest.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final BottomHalf wake;

    @SuppressWarnings("UnusedVariable") // By NEWEST.
    private volatile @Nullable FsRequest newest;

    /**
     * Makes an empty one.
     *
     * @param wake has the loop call {@link #takeAll}
     */
    FsReturns(BottomHalf wake) {
        this.wake = wake;
    }

    /** Hands a request over and wakes the loop. Any thread; the caller must not touch the request afterwards. */
    void add(FsRequest request) {
        FsRequest before;
        do {
            before = newest;
            request.next = before;
            // Publishes the outcome with the request: pairs with the exchange in takeAll().
        } while (!NEWEST.compareAndSet(this, before, request));
        wake.schedule();
    }

    /** Takes all that came back, linked in the order in which they did; null where there is none. Loop thread. */
    @Nullable FsRequest takeAll() {
        FsRequest request = (FsRequest) NEWEST.getAndSet(this, (FsRequest) null);
        FsRequest oldest = null;
        while (request != null) {
            FsRequest before = request.next;
            request.next = oldest;
            oldest = request;
            request = before;
        }
        return oldest;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.jspecify.annotations.Nullable;

/** Requests in the order in which they came, linked by themselves. Loop thread only. */
final class RequestList {
    private @Nullable BlkRequest first;
    private @Nullable BlkRequest last;

    boolean isEmpty() {
        return first == null;
    }

    @Nullable BlkRequest first() {
        return first;
    }

    void add(BlkRequest request) {
        request.next = null;
        BlkRequest before = last;
        if (before == null) {
            first = request;
        } else {
            before.next = request;
        }
        last = request;
    }

    /** Takes the first one off, or null where there is none. */
    @Nullable BlkRequest poll() {
        BlkRequest taken = first;
        if (taken != null) {
            first = taken.next;
            if (first == null) {
                last = null;
            }
        }
        return taken;
    }

    /** Takes all of them over from another list, which is empty then. */
    void takeAll(RequestList other) {
        first = other.first;
        last = other.last;
        other.first = null;
        other.last = null;
    }

    /** Forgets all requests of a queue. */
    void removeOf(BlkQueue queue) {
        RequestList kept = new RequestList();
        BlkRequest request = poll();
        while (request != null) {
            if (!request.isOf(queue)) {
                kept.add(request);
            }
            request = poll();
        }
        takeAll(kept);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

/**
 * The connections that have something to send to the guest, which take turns. Linked through the connections themselves,
 * each of which is in it once at most. Loop thread only; allocates nothing.
 */
final class FlowQueue {
    private @Nullable Flow first;
    private @Nullable Flow last;

    boolean isEmpty() {
        return first == null;
    }

    /** Adds a connection at the end, unless it is there. */
    void add(Flow flow) {
        if (flow.queued) {
            return;
        }
        flow.queued = true;
        flow.nextReady = null;
        if (last == null) {
            first = flow;
        } else {
            last.nextReady = flow;
        }
        last = flow;
    }

    /** Removes the first, if there is one. */
    @Nullable Flow take() {
        Flow flow = first;
        if (flow != null) {
            first = flow.nextReady;
            if (first == null) {
                last = null;
            }
            flow.nextReady = null;
            flow.queued = false;
        }
        return flow;
    }

    /** Forgets all. */
    void clear() {
        while (take() != null) {
            // Each is told that it is not in it.
        }
    }
}

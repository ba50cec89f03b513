// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.util.concurrent.ConcurrentLinkedDeque;

import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockRequest;

/** Keeps requests until a test runs them, on the thread and in the order that it wants. Any thread. */
public final class ManualBlockExecutor implements BlockExecutor {
    private final ConcurrentLinkedDeque<BlockRequest> pending = new ConcurrentLinkedDeque<>();

    /** Makes an executor without requests. */
    public ManualBlockExecutor() {}

    @Override
    public void submit(BlockRequest request) {
        pending.add(request);
    }

    /** Returns how many requests wait. */
    public int pending() {
        return pending.size();
    }

    /** Runs the oldest request that waits, if there is one. */
    public void runOldest() {
        BlockRequest request = pending.pollFirst();
        if (request != null) {
            request.run();
        }
    }

    /** Runs the newest request that waits, if there is one. */
    public void runNewest() {
        BlockRequest request = pending.pollLast();
        if (request != null) {
            request.run();
        }
    }

    /** Runs all requests that wait, the oldest first. */
    public void runAll() {
        BlockRequest request = pending.pollFirst();
        while (request != null) {
            request.run();
            request = pending.pollFirst();
        }
    }
}

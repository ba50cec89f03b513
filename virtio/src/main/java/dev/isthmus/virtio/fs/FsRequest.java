// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.fuse.FuseOutcome;
import dev.isthmus.fuse.FuseServer;
import dev.isthmus.virtio.queue.DescriptorChain;

/**
 * A request of the guest on its way through a worker and back; pooled by its {@link FsQueue}. The loop thread owns it but
 * from submit until it is in {@link FsReturns}.
 */
final class FsRequest extends FsTask {
    private final FsQueue queue;
    private final FuseServer server;
    private final FsReturns returns;
    private final FaultLog faults;
    private final FuseOutcome outcome = new FuseOutcome();
    private @Nullable DescriptorChain chain;

    /** Link of {@link FsReturns}, and of the pool while the request is free. */
    @Nullable FsRequest next;

    FsRequest(FsQueue queue, FuseServer server, FsReturns returns, FaultLog faults) {
        this.queue = queue;
        this.server = server;
        this.returns = returns;
        this.faults = faults;
    }

    void begin(DescriptorChain newChain) {
        chain = newChain;
    }

    FsQueue queue() {
        return queue;
    }

    /** Returns what became of it. */
    FuseOutcome outcome() {
        return outcome;
    }

    /** Takes the chain out of the request, which is over. */
    DescriptorChain endChain() {
        DescriptorChain taken = chain;
        if (taken == null) {
            throw new IllegalStateException("Request completed twice");
        }
        chain = null;
        return taken;
    }

    private DescriptorChain current() {
        DescriptorChain current = chain;
        if (current == null) {
            throw new IllegalStateException("No request");
        }
        return current;
    }

    @Override
    public void run() {
        try {
            server.handle(current(), outcome);
        } catch (RuntimeException e) {
            // It has been answered with an error all the same.
            faults.report("request failed: " + e);
        } finally {
            returns.add(this);
        }
    }

    @Override
    public void refuse() {
        try {
            server.refuse(current(), outcome);
        } finally {
            returns.add(this);
        }
    }
}

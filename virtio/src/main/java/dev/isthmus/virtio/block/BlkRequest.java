// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.queue.DescriptorChain;

/**
 * A request of the guest on its way through a disk worker and back; pooled by its {@link BlkQueue}.
 *
 * <p>The loop thread owns it but from submit to {@link #complete}. It answers failure unless told otherwise.
 */
final class BlkRequest extends BlockRequest {
    private final BlkQueue queue;
    private final CompletionQueue completions;
    private @Nullable DescriptorChain chain;
    private BlockStatus outcome = BlockStatus.IO_ERROR;

    /** Link of {@link CompletionQueue}, of {@link RequestList}, and of the pool while the request is free. */
    volatile @Nullable BlkRequest next;

    BlkRequest(BlockBackend backend, BlkQueue queue, CompletionQueue completions) {
        super(backend);
        this.queue = queue;
        this.completions = completions;
    }

    /** Begins a request for a chain; the data is added by the caller. */
    void begin(DescriptorChain newChain, BlockOperation operation, long offsetBytes, long lengthBytes) {
        chain = newChain;
        outcome = BlockStatus.IO_ERROR;
        prepare(operation, offsetBytes, lengthBytes);
    }

    /** Returns the memory to fill or to write from, empty at first. */
    ScatterList buffers() {
        return mutableData();
    }

    void makeStable() {
        requireStable();
    }

    BlkQueue queue() {
        return queue;
    }

    boolean isOf(BlkQueue other) {
        return queue == other;
    }

    BlockStatus outcome() {
        return outcome;
    }

    /** Takes the chain out of the request, which is over. */
    DescriptorChain endChain() {
        DescriptorChain ended = chain;
        if (ended == null) {
            throw new IllegalStateException("Request completed twice");
        }
        chain = null;
        return ended;
    }

    @Override
    public void complete(BlockStatus status) {
        outcome = status;
        completions.add(this);
    }

    @Override
    protected void failed(RuntimeException cause) {
        queue.reportBackendFailure(cause);
    }
}

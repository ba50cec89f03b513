// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.util.ArrayDeque;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.device.EventLoop;

/**
 * Makes one request of several that continue each other, before an engine carries them out: a guest that reads or writes a
 * file from end to end has many of these in a batch, and one transfer costs less than many. As QEMU's virtio-blk does.
 *
 * <p>Only reads, or only writes that need not be stable, are merged. Where they fail together, each is repeated by itself,
 * so that each gets its own outcome.
 *
 * <p>Role IOTHREAD, but for the completion of requests. Allocates nothing once as many were under way as ever are.
 */
public final class RequestMerger implements BlockExecutor {
    /**
     * What is read or written at once. Larger transfers gain nothing; smaller ones have workers of one file wait for each
     * other, as the host's file systems let one write at a time.
     */
    static final long BYTES_MAX = 4 << 20;

    private static final int REQUESTS_MAX = 32;
    private static final int PIECES_MAX = 256;

    private final BlockExecutor engine;
    private final BlockBackend disk;
    private final EventLoop loop;

    /** Guarded by itself. */
    private final ArrayDeque<Merged> free = new ArrayDeque<>();

    /** What the next request may continue. */
    private Merged open;

    /**
     * Makes a merger.
     *
     * @param engine what carries requests out
     * @param disk whose requests these are
     * @param loop the loop that submits them
     */
    public RequestMerger(BlockExecutor engine, BlockBackend disk, EventLoop loop) {
        this.engine = engine;
        this.disk = disk;
        this.loop = loop;
        this.open = new Merged();
    }

    @Override
    public void submit(BlockRequest request) {
        assert loop.inLoop();
        if (open.isContinuedBy(request)) {
            open.add(request);
            return;
        }
        pass();
        if (isTransfer(request)) {
            open.add(request);
        } else {
            engine.submit(request);
        }
    }

    @Override
    public void dispatch() {
        pass();
        engine.dispatch();
    }

    private static boolean isTransfer(BlockRequest request) {
        BlockOperation operation = request.operation();
        return (operation == BlockOperation.READ || operation == BlockOperation.WRITE) && !request.stable();
    }

    private void pass() {
        Merged passed = open;
        if (passed.count == 1) {
            engine.submit(passed.takeOnly());
        } else if (passed.count > 1) {
            open = takeFree();
            passed.begin();
            engine.submit(passed);
        }
    }

    private Merged takeFree() {
        synchronized (free) {
            Merged merged = free.poll();
            if (merged != null) {
                return merged;
            }
        }
        return new Merged();
    }

    private void giveBack(Merged merged) {
        synchronized (free) {
            free.push(merged);
        }
    }

    /** Several requests as one. The loop's until it is submitted, then its engine's, as every request. */
    private final class Merged extends BlockRequest {
        private final BlockRequest[] requests = new BlockRequest[REQUESTS_MAX];
        private int count;
        private long bytes;
        private int pieces;

        Merged() {
            super(disk);
        }

        boolean isContinuedBy(BlockRequest request) {
            if (count == 0 || count == REQUESTS_MAX) {
                return false;
            }
            BlockRequest last = requests[count - 1];
            return request.operation() == last.operation()
                    && !request.stable()
                    && request.offsetBytes() == last.offsetBytes() + last.lengthBytes()
                    && request.lengthBytes() <= BYTES_MAX - bytes
                    && request.data().count() <= PIECES_MAX - pieces;
        }

        void add(BlockRequest request) {
            requests[count] = request;
            count++;
            bytes += request.lengthBytes();
            pieces += request.data().count();
        }

        BlockRequest takeOnly() {
            BlockRequest only = requests[0];
            clear();
            return only;
        }

        void begin() {
            prepare(requests[0].operation(), requests[0].offsetBytes(), bytes);
            for (int i = 0; i < count; i++) {
                mutableData().addSlice(requests[i].data(), 0, requests[i].lengthBytes());
            }
        }

        private void clear() {
            count = 0;
            bytes = 0;
            pieces = 0;
        }

        @Override
        public void complete(BlockStatus status) {
            // What the engine refuses it refuses on the loop, where none of them may be carried out.
            boolean repeat = status != BlockStatus.OK && !loop.inLoop();
            int done = 0;
            try {
                while (done < count) {
                    BlockRequest request = requests[done];
                    done++;
                    if (repeat) {
                        request.run();
                    } else {
                        request.complete(status);
                    }
                }
            } finally {
                // Of an Error: what is left gets its answer, too.
                while (done < count) {
                    requests[done].complete(BlockStatus.IO_ERROR);
                    done++;
                }
                clear();
                giveBack(this);
            }
        }

        /** It comes again, and is told, with the request that it belongs to. */
        @Override
        protected void failed(RuntimeException cause) {}
    }
}

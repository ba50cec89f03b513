// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterView;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(60)
class DiskWorkersTest {
    /** A disk whose flushes wait until they are let go on. */
    private static final class SlowDisk implements BlockBackend {
        private final CountDownLatch gate = new CountDownLatch(1);
        private final CountDownLatch inFlush;

        SlowDisk(int flushesAtOnce) {
            inFlush = new CountDownLatch(flushesAtOnce);
        }

        @Override
        public long capacityBytes() {
            return 0;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            throw new IllegalStateException("a bug");
        }

        @Override
        public BlockStatus write(long offsetBytes, ScatterView source) {
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus flush() {
            inFlush.countDown();
            try {
                gate.await();
            } catch (InterruptedException e) {
                return BlockStatus.IO_ERROR;
            }
            return BlockStatus.OK;
        }

        @Override
        public void close() {}
    }

    private static class Request extends BlockRequest {
        private final LinkedBlockingQueue<BlockStatus> ended;

        Request(BlockBackend disk, BlockOperation operation, LinkedBlockingQueue<BlockStatus> ended) {
            super(disk);
            this.ended = ended;
            prepare(operation, 0, 0);
        }

        @Override
        public void complete(BlockStatus status) {
            ended.add(status);
        }

        @Override
        protected void failed(RuntimeException cause) {}
    }

    private final LinkedBlockingQueue<BlockStatus> ended = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Throwable> bugs = new LinkedBlockingQueue<>();

    @Test
    void requestsRunAtOnceAsManyAsThereAreThreads() throws Exception {
        SlowDisk disk = new SlowDisk(3);
        try (DiskWorkers workers = new DiskWorkers("test-disk-", 3, bugs::add)) {
            for (int i = 0; i < 3; i++) {
                workers.submit(new Request(disk, BlockOperation.FLUSH, ended));
            }

            assertTrue(disk.inFlush.await(30, TimeUnit.SECONDS));
            assertNull(ended.peek());
            disk.gate.countDown();
        }
        assertEquals(List.of(BlockStatus.OK, BlockStatus.OK, BlockStatus.OK), new ArrayList<>(ended));
    }

    @Test
    void closeLetsAllThatWasSubmittedEndFirst() throws Exception {
        SlowDisk disk = new SlowDisk(1);
        DiskWorkers workers = new DiskWorkers("test-disk-", 1, bugs::add);
        for (int i = 0; i < 50; i++) {
            workers.submit(new Request(disk, BlockOperation.FLUSH, ended));
        }
        assertTrue(disk.inFlush.await(30, TimeUnit.SECONDS));
        Thread closer = Thread.ofPlatform().start(workers::close);

        disk.gate.countDown();
        closer.join();

        assertEquals(50, ended.size());
    }

    @Test
    void requestAfterCloseEndsWithAnError() {
        DiskWorkers workers = new DiskWorkers("test-disk-", 1, bugs::add);
        workers.close();

        workers.submit(new Request(new SlowDisk(1), BlockOperation.FLUSH, ended));

        assertEquals(BlockStatus.IO_ERROR, ended.poll());
    }

    @Test
    void backendThatThrowsFailsItsRequestAloneAndTheWorkerGoesOn() {
        SlowDisk disk = new SlowDisk(1);
        disk.gate.countDown();
        try (DiskWorkers workers = new DiskWorkers("test-disk-", 1, bugs::add)) {
            workers.submit(new Request(disk, BlockOperation.READ, ended));
            workers.submit(new Request(disk, BlockOperation.FLUSH, ended));
        }
        assertEquals(List.of(BlockStatus.IO_ERROR, BlockStatus.OK), new ArrayList<>(ended));
    }

    @Test
    void burstFindsAsManyThreadsAsItNeedsThoughOneIsIdle() throws Exception {
        SlowDisk disk = new SlowDisk(3);
        try (DiskWorkers workers = new DiskWorkers("test-disk-", 3, bugs::add)) {
            workers.submit(new Request(disk, BlockOperation.WRITE, ended));
            assertEquals(BlockStatus.OK, ended.poll(30, TimeUnit.SECONDS));
            awaitIdle(workers);

            for (int i = 0; i < 3; i++) {
                workers.submit(new Request(disk, BlockOperation.FLUSH, ended));
            }

            assertTrue(disk.inFlush.await(30, TimeUnit.SECONDS));
            disk.gate.countDown();
        }
    }

    private static void awaitIdle(DiskWorkers workers) {
        while (workers.idleThreads() == 0) {
            Thread.onSpinWait();
        }
    }

    @Test
    void errorOfARequestIsToldAndTheWorkerGoesOn() {
        SlowDisk disk = new SlowDisk(1);
        disk.gate.countDown();
        OutOfMemoryError error = new OutOfMemoryError("for a test");
        BlockRequest failing = new Request(disk, BlockOperation.READ, ended) {
            @Override
            protected void failed(RuntimeException cause) {
                throw error;
            }
        };
        try (DiskWorkers workers = new DiskWorkers("test-disk-", 1, bugs::add)) {
            workers.submit(failing);
            workers.submit(new Request(disk, BlockOperation.FLUSH, ended));
        }
        assertEquals(List.of(BlockStatus.IO_ERROR, BlockStatus.OK), new ArrayList<>(ended));
        assertSame(error, bugs.poll());
    }
}

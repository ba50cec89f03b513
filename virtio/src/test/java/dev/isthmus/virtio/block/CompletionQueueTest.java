// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.device.BottomHalf;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.device.ManualEventLoop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(120)
class CompletionQueueTest {
    private final MemoryBlockBackend disk = new MemoryBlockBackend(512, false);
    private final Semaphore wakes = new Semaphore(0);
    private final BottomHalf wake = new BottomHalf() {
        @Override
        public void schedule() {
            wakes.release();
        }

        @Override
        public void cancel() {}
    };

    /** Of a loop on another thread, so that this one is a worker as well as the one that polls. */
    private final CompletionQueue completions = new CompletionQueue(
            disk, CompletableFuture.supplyAsync(ManualEventLoop::new).join(), wake);

    private BlkRequest newRequest() {
        return newRequest(completions);
    }

    @SuppressWarnings("NullAway") // No queue is needed to carry a request.
    private BlkRequest newRequest(CompletionQueue queue) {
        return new BlkRequest(disk, null, queue);
    }

    @Test
    void emptyQueueGivesNothing() {
        assertNull(completions.poll());
        assertNull(completions.poll());
    }

    @Test
    void requestsThatTheLoopCompletesWakeItUnlessItLooksByItself() {
        CompletionQueue ofLoop = new CompletionQueue(disk, new ManualEventLoop(), wake);
        BlkRequest first = newRequest(ofLoop);
        BlkRequest second = newRequest(ofLoop);

        ofLoop.attend(true);
        first.complete(BlockStatus.OK);
        ofLoop.attend(false);

        assertEquals(0, wakes.availablePermits());
        assertTrue(ofLoop.anyOfLoop());
        second.complete(BlockStatus.OK);
        assertEquals(1, wakes.availablePermits());
        assertSame(first, ofLoop.poll());
        assertSame(second, ofLoop.poll());
        assertNull(ofLoop.poll());
        assertFalse(ofLoop.anyOfLoop());
    }

    @Test
    void requestsComeInTheOrderOfCompletionAndCanBeCompletedAgain() {
        BlkRequest first = newRequest();
        BlkRequest second = newRequest();
        for (int i = 0; i < 5; i++) {
            first.complete(BlockStatus.OK);
            second.complete(BlockStatus.NO_SPACE);

            assertSame(first, completions.poll());
            assertSame(second, completions.poll());
            assertNull(completions.poll());
            assertEquals(BlockStatus.NO_SPACE, second.outcome());

            first.complete(BlockStatus.IO_ERROR);
            assertSame(first, completions.poll());
            assertNull(completions.poll());
        }
        assertEquals(15, wakes.availablePermits());
    }

    @Test
    void everyCompletionOfSeveralWorkersArrivesOnceAndWithItsOutcome() throws InterruptedException {
        int workers = 3;
        int perWorker = 4;
        int rounds = 60_000;
        BlkRequest[][] requests = new BlkRequest[workers][perWorker];
        Semaphore[] free = new Semaphore[workers];
        Thread[] threads = new Thread[workers];
        for (int w = 0; w < workers; w++) {
            int worker = w;
            free[w] = new Semaphore(perWorker);
            for (int i = 0; i < perWorker; i++) {
                requests[w][i] = newRequest();
            }
            threads[w] = new Thread(() -> {
                for (int i = 0; i < rounds; i++) {
                    free[worker].acquireUninterruptibly();
                    requests[worker][i % perWorker].complete(i % 2 == 0 ? BlockStatus.OK : BlockStatus.READ_ONLY);
                }
            });
            threads[w].start();
        }

        int[] next = new int[workers];
        int total = 0;
        while (total < workers * rounds) {
            assertTrue(wakes.tryAcquire(60, TimeUnit.SECONDS), "lost at " + total);
            @Nullable BlkRequest request = completions.poll();
            while (request != null) {
                int worker = workerOf(requests, request);
                int i = next[worker]++;
                assertSame(requests[worker][i % perWorker], request);
                assertEquals(i % 2 == 0 ? BlockStatus.OK : BlockStatus.READ_ONLY, request.outcome());
                free[worker].release();
                total++;
                request = completions.poll();
            }
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertNull(completions.poll());
    }

    private static int workerOf(BlkRequest[][] requests, BlkRequest request) {
        for (int w = 0; w < requests.length; w++) {
            for (BlkRequest candidate : requests[w]) {
                if (candidate == request) {
                    return w;
                }
            }
        }
        throw new AssertionError("unknown request");
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.device.BottomHalf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

@Timeout(120)
class FsReturnsTest {
    private static final int WORKERS = 4;
    private static final int REQUESTS = 100_000;

    private final AtomicInteger wakes = new AtomicInteger();
    private final FsReturns returns = new FsReturns(new BottomHalf() {
        @Override
        public void schedule() {
            wakes.incrementAndGet();
        }

        @Override
        public void cancel() {}
    });

    @SuppressWarnings("NullAway") // Nothing of it is needed to carry a request.
    private FsRequest newRequest() {
        return new FsRequest(null, null, returns, null);
    }

    @Test
    void requestsComeInTheOrderInWhichTheyWereAdded() {
        FsRequest first = newRequest();
        FsRequest second = newRequest();

        assertNull(returns.takeAll());
        returns.add(first);
        returns.add(second);

        FsRequest taken = returns.takeAll();
        assertSame(first, taken);
        assertNotNull(taken);
        assertSame(second, taken.next);
        assertNull(second.next);
        assertNull(returns.takeAll());
        assertEquals(2, wakes.get());
    }

    @Test
    void noRequestIsLostBetweenWorkers() throws InterruptedException {
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < WORKERS; i++) {
            workers.add(Thread.ofPlatform().start(() -> {
                for (int j = 0; j < REQUESTS; j++) {
                    returns.add(newRequest());
                }
            }));
        }
        int taken = 0;
        while (taken < WORKERS * REQUESTS) {
            @Nullable FsRequest request = returns.takeAll();
            while (request != null) {
                taken++;
                request = request.next;
            }
            Thread.onSpinWait();
        }
        for (Thread worker : workers) {
            worker.join();
        }
        assertNull(returns.takeAll());
        assertEquals(WORKERS * REQUESTS, wakes.get());
    }
}

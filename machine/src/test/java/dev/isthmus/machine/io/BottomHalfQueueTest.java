// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

class BottomHalfQueueTest {
    private static final class Item extends BottomHalfQueue.Node {
        private static final long serialVersionUID = 1L;

        private final transient AtomicBoolean queued = new AtomicBoolean();
        private long pushes;
        private long polls;
    }

    private final BottomHalfQueue queue = new BottomHalfQueue();
    private volatile boolean enough;

    @Test
    void nodesComeInTheOrderOfPushing() {
        Item a = new Item();
        Item b = new Item();
        assertTrue(queue.isEmpty());
        queue.push(a);
        queue.push(b);
        assertFalse(queue.isEmpty());

        assertSame(a, queue.poll());
        assertSame(b, queue.poll());
        assertNull(queue.poll());
        assertTrue(queue.isEmpty());
    }

    @Test
    void nodeThatHasLeftCanBePushedAgain() {
        Item a = new Item();
        for (int i = 0; i < 3; i++) {
            queue.push(a);
            assertSame(a, queue.poll());
            assertNull(queue.poll());
        }
    }

    @Test
    @Timeout(60)
    void nothingIsLostOrDoubledUnderManyProducers() throws InterruptedException {
        int producers = 4;
        List<Item> items = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < producers; i++) {
            Item item = new Item();
            items.add(item);
            threads.add(Thread.ofPlatform().start(() -> {
                while (!enough) {
                    if (!item.queued.getAndSet(true)) {
                        item.pushes++;
                        queue.push(item);
                    }
                    Thread.onSpinWait();
                }
            }));
        }

        // Where all threads share a processor, each turn of theirs is one push: it is then the time that ends this.
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        for (int polled = 0; polled < 200_000 && System.nanoTime() < deadline; ) {
            if (poll()) {
                polled++;
            } else {
                Thread.onSpinWait();
            }
        }
        enough = true;
        for (Thread thread : threads) {
            thread.join();
        }
        while (poll()) {
            // The rest.
        }

        for (Item item : items) {
            assertEquals(item.pushes, item.polls);
        }
        assertTrue(queue.isEmpty());
    }

    private boolean poll() {
        Item item = (Item) queue.poll();
        if (item == null) {
            return false;
        }
        item.polls++;
        item.queued.set(false);
        return true;
    }
}

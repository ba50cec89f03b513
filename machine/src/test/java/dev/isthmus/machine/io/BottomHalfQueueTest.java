// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayList;
import java.util.List;
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
        int pushesEach = 50_000;
        List<Item> items = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < producers; i++) {
            Item item = new Item();
            items.add(item);
            threads.add(Thread.ofPlatform().start(() -> {
                while (item.pushes < pushesEach) {
                    if (!item.queued.getAndSet(true)) {
                        item.pushes++;
                        queue.push(item);
                    }
                    Thread.onSpinWait();
                }
            }));
        }

        long polled = 0;
        while (polled < (long) producers * pushesEach) {
            Item item = (Item) queue.poll();
            if (item != null) {
                item.polls++;
                polled++;
                item.queued.set(false);
            } else {
                Thread.onSpinWait();
            }
        }

        for (Thread thread : threads) {
            thread.join();
        }
        for (Item item : items) {
            assertEquals(pushesEach, item.polls);
        }
        assertTrue(queue.isEmpty());
    }
}

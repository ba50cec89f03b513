// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.Random;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;

import dev.isthmus.device.IrqLine;
import dev.isthmus.testing.device.FakeLevelIrqLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class IrqLevelTest {
    private final FakeLevelIrqLine line = new FakeLevelIrqLine();
    private final IrqLevel level = new IrqLevel(line);

    @Test
    void levelReachesTheLineOnDelivery() {
        level.set(true);
        assertFalse(line.level());
        level.deliver();
        assertTrue(line.level());

        level.set(false);
        level.deliver();

        assertFalse(line.level());
        assertEquals(1, line.takeEdges());
    }

    @Test
    void fallAndRiseBetweenDeliveriesIsAnEdge() {
        level.set(true);
        level.deliver();

        level.set(false);
        level.set(true);
        level.deliver();

        assertTrue(line.level());
        assertEquals(2, line.takeEdges());
    }

    @Test
    void riseAndFallBetweenDeliveriesLeavesTheLineLow() {
        level.set(true);
        level.set(false);
        level.deliver();

        assertFalse(line.level());
    }

    @Test
    void dipOfAHighLineIsAnEdgeAndOfALowLineNothing() {
        level.dip();
        level.deliver();
        assertEquals(0, line.takeEdges());
        level.set(true);
        level.deliver();

        level.dip();
        level.deliver();

        assertEquals(2, line.takeEdges());
    }

    @Test
    void lineThatThrowsDoesNotStopLaterDeliveries() {
        boolean[] broken = {true};
        IrqLevel fragile = new IrqLevel(new IrqLine() {
            @Override
            public void setLevel(boolean asserted) {
                if (broken[0]) {
                    throw new IllegalStateException("the host failed");
                }
                line.setLevel(asserted);
            }

            @Override
            public void pulse() {}
        });
        fragile.set(true);
        assertThrows(IllegalStateException.class, fragile::deliver);
        broken[0] = false;

        fragile.set(false);
        fragile.set(true);
        fragile.deliver();

        assertTrue(line.level());
    }

    @Test
    void lineEndsAtTheLastLevelWhoeverDelivers() throws InterruptedException {
        Object deviceLock = new Object();
        boolean[] last = new boolean[1];
        CountDownLatch start = new CountDownLatch(1);
        Thread[] threads = new Thread[4];
        for (int t = 0; t < threads.length; t++) {
            int seed = t;
            threads[t] = Thread.ofPlatform().start(() -> {
                Random random = new Random(seed);
                try {
                    start.await();
                } catch (InterruptedException e) {
                    return;
                }
                for (int i = 0; i < 50_000; i++) {
                    synchronized (deviceLock) {
                        last[0] = random.nextBoolean();
                        level.set(last[0]);
                    }
                    level.deliver();
                }
            });
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }

        assertEquals(last[0], line.level());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

class TimerQueueTest {
    private static final class Entry extends TimerQueue.Entry {}

    private final TimerQueue queue = new TimerQueue();

    @Test
    void entriesComeByDeadlineWhateverTheOrderOfArmingAndCancelling() {
        Random random = new Random(1);
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            Entry entry = new Entry();
            entries.add(entry);
            queue.arm(entry, random.nextInt(500));
        }
        for (int i = 0; i < 1000; i += 3) {
            queue.cancel(entries.get(i));
        }
        for (int i = 1; i < 1000; i += 3) {
            queue.arm(entries.get(i), random.nextInt(500));
        }

        int count = 0;
        long last = Long.MIN_VALUE;
        for (TimerQueue.Entry first = queue.first(); first != null; first = queue.first()) {
            assertEquals(true, first.deadlineNanos >= last);
            last = first.deadlineNanos;
            queue.cancel(first);
            count++;
        }
        assertEquals(666, count);
    }

    @Test
    void armingAgainReplacesTheDeadline() {
        Entry a = new Entry();
        Entry b = new Entry();
        queue.arm(a, 10);
        queue.arm(b, 20);

        queue.arm(a, 30);

        assertSame(b, queue.first());
    }

    @Test
    void deadlinesAreComparedAcrossTheWrapOfTheClock() {
        Entry before = new Entry();
        Entry after = new Entry();
        queue.arm(after, Long.MIN_VALUE + 10);
        queue.arm(before, Long.MAX_VALUE - 10);

        assertSame(before, queue.first());
    }

    @Test
    void cancellingWhatIsNotArmedDoesNothing() {
        queue.cancel(new Entry());

        assertNull(queue.first());
    }
}

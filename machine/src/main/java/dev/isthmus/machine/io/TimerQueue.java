// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * Armed timers by deadline: a binary heap whose entries know their position, so that arming and disarming cost a
 * logarithm and allocate nothing. Loop thread only.
 *
 * <p>Deadlines are compared by difference, since {@link System#nanoTime()} may wrap around.
 */
@SuppressWarnings("ReferenceEquality") // An entry is itself alone.
final class TimerQueue {
    /** Position of a timer that is not armed. */
    static final int NOT_ARMED = -1;

    /** What the queue holds. In one queue at most. */
    abstract static class Entry {
        long deadlineNanos;
        int position = NOT_ARMED;
    }

    private @Nullable Entry[] heap = new @Nullable Entry[8];
    private int size;

    /** Returns the entry with the first deadline, or null. */
    @Nullable Entry first() {
        return size == 0 ? null : heap[0];
    }

    /** Adds an entry, or moves it where it is in the queue already. */
    void arm(Entry entry, long deadlineNanos) {
        cancel(entry);
        entry.deadlineNanos = deadlineNanos;
        if (size == heap.length) {
            heap = Arrays.copyOf(heap, size * 2);
        }
        size++;
        siftUp(entry, size - 1);
    }

    /** Takes an entry off; does nothing where it is not in the queue. */
    void cancel(Entry entry) {
        int hole = entry.position;
        if (hole == NOT_ARMED) {
            return;
        }
        entry.position = NOT_ARMED;
        size--;
        Entry moved = at(size);
        heap[size] = null;
        if (moved == entry) {
            return;
        }
        if (hole > 0 && before(moved, at((hole - 1) / 2))) {
            siftUp(moved, hole);
        } else {
            siftDown(moved, hole);
        }
    }

    private void siftUp(Entry entry, int from) {
        int position = from;
        while (position > 0) {
            int parent = (position - 1) / 2;
            if (!before(entry, at(parent))) {
                break;
            }
            put(at(parent), position);
            position = parent;
        }
        put(entry, position);
    }

    private void siftDown(Entry entry, int from) {
        int position = from;
        while (true) {
            int child = 2 * position + 1;
            if (child >= size) {
                break;
            }
            if (child + 1 < size && before(at(child + 1), at(child))) {
                child++;
            }
            if (!before(at(child), entry)) {
                break;
            }
            put(at(child), position);
            position = child;
        }
        put(entry, position);
    }

    private void put(Entry entry, int position) {
        heap[position] = entry;
        entry.position = position;
    }

    private Entry at(int position) {
        Entry entry = heap[position];
        if (entry == null) {
            throw new IllegalStateException("Timer heap has a gap at " + position);
        }
        return entry;
    }

    private static boolean before(Entry a, Entry b) {
        return a.deadlineNanos - b.deadlineNanos < 0;
    }
}

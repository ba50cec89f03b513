// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A set of numbers from 0, without an object for each. Not thread-safe.
 *
 * <p>The numbers may come from a hostile image: where each is kept depends on random numbers of this set, so that nobody
 * can choose them all to meet in one place.
 */
final class LongSet {
    private static final long EMPTY = -1;

    private final long firstFactor = ThreadLocalRandom.current().nextLong() | 1;
    private final long secondFactor = ThreadLocalRandom.current().nextLong() | 1;
    private long[] slots = new long[64];
    private int size;

    LongSet() {
        Arrays.fill(slots, EMPTY);
    }

    boolean contains(long value) {
        int slot = home(value);
        while (slots[slot] != EMPTY) {
            if (slots[slot] == value) {
                return true;
            }
            slot = (slot + 1) & (slots.length - 1);
        }
        return false;
    }

    /** Adds a value; answers false where it was there. */
    boolean add(long value) {
        if (size * 2 >= slots.length) {
            grow();
        }
        int slot = home(value);
        while (slots[slot] != EMPTY) {
            if (slots[slot] == value) {
                return false;
            }
            slot = (slot + 1) & (slots.length - 1);
        }
        slots[slot] = value;
        size++;
        return true;
    }

    void remove(long value) {
        int slot = home(value);
        while (slots[slot] != value) {
            if (slots[slot] == EMPTY) {
                return;
            }
            slot = (slot + 1) & (slots.length - 1);
        }
        size--;
        // What follows in the same run moves up, so that no search ends early.
        int hole = slot;
        int next = slot;
        while (true) {
            next = (next + 1) & (slots.length - 1);
            if (slots[next] == EMPTY) {
                slots[hole] = EMPTY;
                return;
            }
            int distance = (next - home(slots[next])) & (slots.length - 1);
            if (distance >= ((next - hole) & (slots.length - 1))) {
                slots[hole] = slots[next];
                hole = next;
            }
        }
    }

    private int home(long value) {
        long mixed = value * firstFactor;
        return (int) (((mixed ^ mixed >>> 32) * secondFactor) >>> 32) & (slots.length - 1);
    }

    private void grow() {
        long[] old = slots;
        slots = new long[old.length * 2];
        Arrays.fill(slots, EMPTY);
        size = 0;
        for (long value : old) {
            if (value != EMPTY) {
                add(value);
            }
        }
    }
}

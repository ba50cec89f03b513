// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * Finds what an epoll event is for. Loop thread only.
 *
 * <p>An event carries a key of slot and generation, not a descriptor: within one batch of events a callback may close a
 * descriptor and another may get its number, and the stale event must then reach nobody.
 *
 * <pre>
 *   63            32 31             0
 *  ┌────────────────┬────────────────┐
 *  │ generation     │ slot           │
 *  └────────────────┴────────────────┘
 * </pre>
 *
 * @param <T> what is looked up
 */
final class WatchTable<T> {
    private @Nullable Object[] values = new @Nullable Object[16];
    private int[] generations = new int[16];

    /** Stores a value and returns its key. */
    long add(T value) {
        int slot = freeSlot();
        values[slot] = value;
        generations[slot]++;
        return ((long) generations[slot] << Integer.SIZE) | slot;
    }

    /** Returns the value of a key, or null where it has been removed. */
    @SuppressWarnings("unchecked") // add() stores nothing but T.
    @Nullable T get(long key) {
        int slot = (int) key;
        return generations[slot] == (int) (key >>> Integer.SIZE) ? (T) values[slot] : null;
    }

    /** Forgets a key. */
    void remove(long key) {
        int slot = (int) key;
        if (generations[slot] == (int) (key >>> Integer.SIZE)) {
            values[slot] = null;
        }
    }

    private int freeSlot() {
        for (int slot = 0; slot < values.length; slot++) {
            if (values[slot] == null) {
                return slot;
            }
        }
        int slot = values.length;
        values = Arrays.copyOf(values, slot * 2);
        generations = Arrays.copyOf(generations, slot * 2);
        return slot;
    }
}

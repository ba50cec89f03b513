// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * Numbers for things that a client names: bounded, found without a search, and not given out again before a slot was used
 * 2^31 times.
 *
 * <pre>
 *  bit 63   62 … 32      31 … 0
 *  0        generation   slot, from 1
 * </pre>
 *
 * <p>The first number is 1. Not thread-safe.
 *
 * @param <T> the things
 */
final class SlotTable<T> {
    private static final int INITIAL_SLOTS = 16;
    private static final int FIRST_SLOT = 1;

    private final int limit;
    private @Nullable Object[] things = new Object[INITIAL_SLOTS];
    private int[] generations = new int[INITIAL_SLOTS];

    /** Slots that were given back, the last one to be used first. */
    private int[] free = new int[INITIAL_SLOTS];

    private int freeCount;
    private int fresh = FIRST_SLOT;
    private int count;

    /** Makes an empty table for so many things at most. */
    SlotTable(int limit) {
        this.limit = limit;
    }

    /** Tells whether {@link #add} would refuse. */
    boolean full() {
        return count == limit;
    }

    /** Returns how many things there are. */
    int count() {
        return count;
    }

    /** Returns the number of slots that were ever in use, for a walk through {@link #inSlot}. */
    int slotsEnd() {
        return fresh;
    }

    /** Returns what is in a slot, from 0 to {@link #slotsEnd} - 1. */
    @Nullable T inSlot(int slot) {
        return cast(things[slot]);
    }

    /** Returns the number that {@link #add} gives next, or -1 where it refuses. */
    long nextId() {
        if (full()) {
            return -1;
        }
        int slot = freeCount > 0 ? free[freeCount - 1] : fresh;
        int generation = slot < generations.length ? generations[slot] : 0;
        return (long) generation << 32 | slot;
    }

    /** Takes a thing in under {@link #nextId}. The table must not be full. */
    void add(T thing) {
        int slot;
        if (freeCount > 0) {
            freeCount--;
            slot = free[freeCount];
        } else {
            slot = fresh++;
            if (slot == things.length) {
                things = Arrays.copyOf(things, slot * 2);
                generations = Arrays.copyOf(generations, slot * 2);
            }
        }
        things[slot] = thing;
        count++;
    }

    /** Finds a thing by its number, any value; null where there is none. */
    @Nullable T get(long id) {
        int slot = slotOf(id);
        return slot < 0 ? null : cast(things[slot]);
    }

    /** Takes a thing out; its number is void from now on. */
    void remove(long id) {
        int slot = slotOf(id);
        if (slot < 0 || things[slot] == null) {
            return;
        }
        things[slot] = null;
        generations[slot] = (generations[slot] + 1) & Integer.MAX_VALUE;
        if (freeCount == free.length) {
            free = Arrays.copyOf(free, freeCount * 2);
        }
        free[freeCount] = slot;
        freeCount++;
        count--;
    }

    private int slotOf(long id) {
        long slot = id & 0xffff_ffffL;
        if (slot < FIRST_SLOT || slot >= fresh || generations[(int) slot] != id >>> 32) {
            return -1;
        }
        return (int) slot;
    }

    @SuppressWarnings("unchecked") // Only add() puts things in.
    private @Nullable T cast(@Nullable Object thing) {
        return (T) thing;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.util.concurrent.atomic.AtomicReferenceArray;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;

/**
 * Scratch objects for reads that run at the same time, so that none makes its own each time. More threads than it keeps
 * objects for make their own and drop them.
 *
 * <p>Any thread; never blocks.
 */
final class Cursors {
    /** More than there are disk workers as a rule; a power of 2. */
    private static final int KEPT = 16;

    /** Where one read is. */
    static final class Cursor {
        /** What the map answered last. */
        final Location found = new Location();

        /** What is read at once: what the map answered before, as far as it goes on in one piece. */
        final Location run = new Location();

        /** A part of the caller's memory. */
        final ScatterList part = new ScatterList();

        private Cursor() {}
    }

    private final AtomicReferenceArray<@Nullable Cursor> kept = new AtomicReferenceArray<>(KEPT);

    Cursor take() {
        int start = (int) Thread.currentThread().threadId();
        for (int i = 0; i < KEPT; i++) {
            Cursor cursor = kept.getAndSet((start + i) & (KEPT - 1), null);
            if (cursor != null) {
                return cursor;
            }
        }
        return new Cursor();
    }

    void give(Cursor cursor) {
        cursor.part.clear();
        int start = (int) Thread.currentThread().threadId();
        for (int i = 0; i < KEPT; i++) {
            if (kept.compareAndSet((start + i) & (KEPT - 1), null, cursor)) {
                return;
            }
        }
    }
}

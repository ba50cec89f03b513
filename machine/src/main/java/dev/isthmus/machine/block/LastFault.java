// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import org.jspecify.annotations.Nullable;

/** What the host failed with last in any of a disk's files, in words. Any thread. */
public final class LastFault {
    private volatile @Nullable String text;

    /** Nothing has failed yet. */
    public LastFault() {}

    void set(String newText) {
        text = newText;
    }

    /** Returns the call that failed, where, and why; null where none has. */
    public @Nullable String text() {
        return text;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/** A file descriptor under watch by an {@link EventLoop}. Loop thread only. */
public interface FdWatch {
    /** Ready to read, at end of file, or in error. */
    int READABLE = 1;

    /** Ready to write, or in error. */
    int WRITABLE = 2;

    /** What is called when the descriptor is ready. */
    interface Callback {
        /**
         * Handles readiness.
         *
         * @param ready {@link #READABLE}, {@link #WRITABLE} or both
         */
        void ready(int ready);
    }

    /** Changes what is waited for: {@link #READABLE}, {@link #WRITABLE}, both or 0. */
    void setInterest(int interest);

    /** Ends the watch; the callback is not called any more. Must come before the descriptor is closed. */
    void close();
}

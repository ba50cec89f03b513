// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/** A callback on an {@link EventLoop} that any thread can ask for. */
public interface BottomHalf {
    /**
     * Has the callback run soon, once however often it is asked for until it runs. Any thread; wait-free, allocates
     * nothing. What the caller wrote before is visible to the callback.
     */
    void schedule();

    /** Takes back a request that has not run yet and ignores all later ones. Loop thread only. */
    void cancel();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.virtio.net.NetBackend;

/**
 * Whether a backend's network is there. The device learns of changes from the loop, since most are found while it is
 * calling the backend. Loop thread, once there is a loop; {@link #up} any thread.
 */
final class LinkState {
    private volatile boolean up;
    private NetBackend.@Nullable Listener listener;
    private @Nullable BottomHalf changed;

    LinkState(boolean up) {
        this.up = up;
    }

    boolean up() {
        return up;
    }

    void attach(NetBackend.Listener newListener) {
        listener = newListener;
    }

    /** Tells of changes from now on. Does nothing the second time. */
    void open(EventLoop loop) {
        if (changed == null) {
            changed = loop.newBottomHalf(this::tell);
        }
    }

    private void tell() {
        if (listener != null) {
            listener.linkChanged();
        }
    }

    /** Runs a task on the loop, if there is one and it has not ended, and waits for it; otherwise nothing can be watched. */
    static void onLoop(@Nullable EventLoop loop, Runnable task) {
        if (loop == null) {
            return;
        }
        try {
            loop.call(task);
        } catch (RejectedExecutionException e) {
            // It has ended, and all its watches with it.
        }
    }

    void set(boolean newUp) {
        if (up != newUp) {
            up = newUp;
            if (changed != null) {
                changed.schedule();
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.device.LoopPoller;

/**
 * The pollers of a loop, which all begin and end together. One that throws is dropped, as it would throw again and again,
 * and the loop is told as of every callback.
 *
 * <p>Loop thread only. Allocates nothing but where a poller is added.
 */
final class PollerSet {
    private final IoThread loop;
    private final List<LoopPoller> pollers = new ArrayList<>();
    private boolean begun;

    PollerSet(IoThread loop) {
        this.loop = loop;
    }

    boolean isEmpty() {
        return pollers.isEmpty();
    }

    void add(LoopPoller poller) {
        pollers.add(poller);
        if (begun) {
            poller.begin();
        }
    }

    void remove(LoopPoller poller) {
        pollers.remove(poller);
    }

    /** The loop looks by itself from now on, if it does not already. */
    void begin() {
        if (begun) {
            return;
        }
        begun = true;
        for (int i = pollers.size() - 1; i >= 0; i--) {
            try {
                pollers.get(i).begin();
            } catch (Throwable thrown) {
                failed(i, thrown);
            }
        }
    }

    /** Looks at each once; tells whether one found work. */
    boolean poll() {
        boolean progress = false;
        for (int i = pollers.size() - 1; i >= 0; i--) {
            try {
                progress |= pollers.get(i).poll();
            } catch (Throwable thrown) {
                failed(i, thrown);
            }
        }
        return progress;
    }

    private void failed(int index, Throwable thrown) {
        pollers.remove(index);
        loop.callbackFailed(thrown);
    }

    /** The loop is about to block. */
    void end() {
        if (!begun) {
            return;
        }
        begun = false;
        for (int i = pollers.size() - 1; i >= 0; i--) {
            try {
                pollers.get(i).end();
            } catch (Throwable thrown) {
                failed(i, thrown);
            }
        }
    }
}

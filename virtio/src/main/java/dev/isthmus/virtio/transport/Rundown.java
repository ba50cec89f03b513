// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.ArrayList;
import java.util.List;

/**
 * The end of a device's or a queue's work. It takes as long as requests in flight do; meanwhile others may ask for it,
 * too, and all of them are told when it is over.
 *
 * <pre>
 *  state       in                  out
 *  at rest     {@link #run}        the first {@link #join}
 *  under way   {@link #join}       {@link #run}
 * </pre>
 *
 * <p>Loop thread only.
 */
final class Rundown implements Runnable {
    private final Runnable finish;
    private final List<Runnable> waiters = new ArrayList<>();
    private boolean underWay;

    /**
     * Makes one at rest.
     *
     * @param finish what is done at its end, before anybody is told
     */
    Rundown(Runnable finish) {
        this.finish = finish;
    }

    boolean underWay() {
        return underWay;
    }

    /**
     * Asks for it.
     *
     * @param ended run when it is over
     * @return whether this is the first to ask, who has to begin it
     */
    boolean join(Runnable ended) {
        waiters.add(ended);
        boolean first = !underWay;
        underWay = true;
        return first;
    }

    /** It is over. */
    @Override
    public void run() {
        finish.run();
        underWay = false;
        List<Runnable> told = List.copyOf(waiters);
        waiters.clear();
        for (Runnable waiter : told) {
            waiter.run();
        }
    }
}

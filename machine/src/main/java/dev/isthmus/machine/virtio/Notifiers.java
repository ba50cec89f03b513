// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.io.IoThread;

/**
 * The eventfds by which a guest's writes to notification registers reach the loop without an exit to a vCPU thread.
 *
 * <p>Where the host has no room for another ioeventfd, the write exits as ever, and the transport's register does the
 * same, more slowly.
 *
 * <p>{@link #attach} and {@link #detach}: one thread at a time.
 */
final class Notifiers implements AutoCloseable {
    private static final long DETACHED = -1;

    /** Who is notified. */
    interface Target {
        /** Handles a notification. Loop thread. */
        void notifyQueue(int queueIndex);
    }

    private final Accelerator accelerator;
    private final IoThread loop;
    private final Target target;
    private final EventFd[] eventFds;
    private final FaultLog faults = new FaultLog("ioeventfd");

    /** Where each is attached, or {@link #DETACHED}; only of those that can move. */
    private final long[] gpas;

    /** Loop thread only. */
    private final @Nullable FdWatch[] watches;

    private Notifiers(Accelerator accelerator, IoThread loop, Target target, EventFd[] eventFds) {
        this.accelerator = accelerator;
        this.loop = loop;
        this.target = target;
        this.eventFds = eventFds;
        this.gpas = new long[eventFds.length];
        this.watches = new @Nullable FdWatch[eventFds.length];
        Arrays.fill(gpas, DETACHED);
    }

    /** Makes an eventfd for each queue and has the loop watch them. */
    static Notifiers open(Accelerator accelerator, IoThread loop, int queues, Target target) {
        EventFd[] eventFds = new EventFd[queues];
        int made = 0;
        try {
            while (made < queues) {
                eventFds[made] = EventFd.create();
                made++;
            }
        } catch (RuntimeException e) {
            for (int i = 0; i < made; i++) {
                eventFds[i].close();
            }
            throw e;
        }
        Notifiers notifiers = new Notifiers(accelerator, loop, target, eventFds);
        loop.post(notifiers.new Watch());
        return notifiers;
    }

    /** Has writes of one value to an address notify a queue, for as long as the VM lives. */
    void attachValue(int queueIndex, long gpa, int sizeBytes, long value) {
        try {
            accelerator.attachNotifier(eventFds[queueIndex], gpa, sizeBytes, value);
        } catch (ErrnoException e) {
            reportSlow(e);
        }
    }

    /** Has writes to an address notify a queue, which is detached. */
    void attach(int queueIndex, long gpa) {
        try {
            accelerator.attachNotifier(eventFds[queueIndex], gpa);
            gpas[queueIndex] = gpa;
        } catch (ErrnoException e) {
            reportSlow(e);
        }
    }

    private void reportSlow(ErrnoException cause) {
        faults.report("notifications take the slow way: " + cause.getMessage());
    }

    /** Undoes {@link #attach}. */
    void detach(int queueIndex) {
        if (gpas[queueIndex] != DETACHED) {
            accelerator.detachNotifier(eventFds[queueIndex], gpas[queueIndex]);
            gpas[queueIndex] = DETACHED;
        }
    }

    /** Ends the watches and closes the eventfds. The loop still runs. */
    @Override
    public void close() {
        loop.call(new Unwatch());
        for (EventFd eventFd : eventFds) {
            eventFd.close();
        }
    }

    private final class Watch implements Runnable {
        @Override
        public void run() {
            for (int i = 0; i < eventFds.length; i++) {
                watches[i] = loop.watch(eventFds[i].fd().number(), FdWatch.READABLE, new Notified(i));
            }
        }
    }

    private final class Unwatch implements Runnable {
        @Override
        public void run() {
            for (FdWatch watch : watches) {
                if (watch != null) {
                    watch.close();
                }
            }
        }
    }

    private final class Notified implements FdWatch.Callback {
        private final int queueIndex;

        Notified(int queueIndex) {
            this.queueIndex = queueIndex;
        }

        @Override
        public void ready(int ready) {
            // Before the queue is looked at: a notification that comes meanwhile must make the descriptor ready again.
            eventFds[queueIndex].drain();
            target.notifyQueue(queueIndex);
        }
    }
}

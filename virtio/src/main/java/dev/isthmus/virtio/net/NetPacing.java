// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.LoopTimer;

/**
 * When packets may pass: the rate limits of both directions, with the timers that let what waits go on. Lives as long as
 * the device, so that a guest gains nothing by a reset. Loop thread only; allocates nothing once it is open.
 */
final class NetPacing {
    /** What goes on when its time has come. */
    interface Waiter {
        void receiveMayGoOn();

        void transmitMayGoOn();

        void heldTooLong();
    }

    /** One direction. */
    static final class Direction {
        private final NetThrottle throttle = new NetThrottle();
        private @Nullable EventLoop loop;
        private @Nullable LoopTimer timer;

        private void open(EventLoop newLoop, Runnable goOn) {
            loop = newLoop;
            timer = newLoop.newTimer(goOn);
        }

        /** Tells whether the next packet may pass now; where not, the waiter is told when it may. */
        boolean admits() {
            EventLoop clock = loop;
            LoopTimer alarm = timer;
            if (!throttle.limited() || clock == null || alarm == null) {
                return true;
            }
            long now = clock.nanoTime();
            long wait = throttle.waitNanos(now);
            if (wait == 0) {
                return true;
            }
            alarm.arm(now + wait);
            return false;
        }

        /** Takes note of a packet that passes. */
        void account(long frameBytes) {
            if (throttle.limited()) {
                throttle.account(frameBytes);
            }
        }

        private void close() {
            if (timer != null) {
                timer.cancel();
            }
        }
    }

    final Direction receive = new Direction();
    final Direction transmit = new Direction();
    private @Nullable EventLoop loop;
    private @Nullable LoopTimer holdTimer;
    private @Nullable Waiter waiter;

    /** Takes up work on a loop, the same each time. */
    void open(EventLoop newLoop, Waiter newWaiter) {
        waiter = newWaiter;
        if (loop == null) {
            loop = newLoop;
            receive.open(newLoop, this::receiveDue);
            transmit.open(newLoop, this::transmitDue);
            holdTimer = newLoop.newTimer(this::holdDue);
        }
    }

    /** Nobody waits any more. */
    void close() {
        waiter = null;
        receive.close();
        transmit.close();
        if (holdTimer != null) {
            holdTimer.cancel();
        }
    }

    /** Sets other limits, for what waits as well. */
    void setLimits(NetLimits limits) {
        receive.throttle.setRates(limits.receivePackets(), limits.receiveBytes());
        transmit.throttle.setRates(limits.transmitPackets(), limits.transmitBytes());
        receiveDue();
        transmitDue();
    }

    /** Has the waiter told after a time that a packet has been held for. */
    void armHold(long nanos) {
        if (loop != null && holdTimer != null) {
            holdTimer.arm(loop.nanoTime() + nanos);
        }
    }

    private void receiveDue() {
        if (waiter != null) {
            waiter.receiveMayGoOn();
        }
    }

    private void transmitDue() {
        if (waiter != null) {
            waiter.transmitMayGoOn();
        }
    }

    private void holdDue() {
        if (waiter != null) {
            waiter.heldTooLong();
        }
    }
}

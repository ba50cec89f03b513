// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;

/** Brings notifications that drivers write to a register from the vCPU threads to the loop. */
final class RegisterNotifications {
    private static final VarHandle PENDING;

    static {
        try {
            PENDING = MethodHandles.lookup().findVarHandle(RegisterNotifications.class, "pending", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final DeviceLifecycle lifecycle;
    private final BottomHalf bottomHalf;

    /** Bit n for queue n. */
    private volatile long pending;

    RegisterNotifications(EventLoop loop, DeviceLifecycle lifecycle) {
        this.lifecycle = lifecycle;
        this.bottomHalf = loop.newBottomHalf(new Deliver());
    }

    /** Passes a notification on. Any thread; never waits. */
    void add(int index) {
        // Full barrier, then schedule: pairs with getAndSet in Deliver, so no bit is lost or left behind.
        PENDING.getAndBitwiseOr(this, 1L << index);
        bottomHalf.schedule();
    }

    /** Forgets those that have not been delivered. Loop thread. */
    void clear() {
        pending = 0;
    }

    private final class Deliver implements Runnable {
        @Override
        public void run() {
            long bits = (long) PENDING.getAndSet(RegisterNotifications.this, 0L);
            while (bits != 0) {
                lifecycle.notifyQueue(Long.numberOfTrailingZeros(bits));
                bits &= bits - 1;
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.linux.Signals;

/**
 * Gets a vCPU's thread out of KVM_RUN, without losing a race against entering it.
 *
 * <p>The thread blocks {@link Signals#KICK_SIGNAL} for good and KVM_SET_SIGNAL_MASK unblocks it within KVM_RUN alone.
 * A signal sent at any moment outside therefore stays pending, and the KVM_RUN that follows returns EINTR before it
 * enters the guest. No signal handler ever runs.
 *
 * <p>{@link #kick} is for any thread; all else for the vCPU's thread.
 */
final class VcpuKicker {
    private static final int NO_THREAD = 0;

    private final VcpuFd fd;

    /** The lock keeps a kick from signalling a thread id that has been given up, which another thread may get. */
    private final Object lock = new Object();

    /** Guarded by the lock. */
    private int threadId = NO_THREAD;

    VcpuKicker(VcpuFd fd) {
        this.fd = fd;
    }

    void attachThread() {
        long kick = Signals.bit(Signals.KICK_SIGNAL);
        long blockedBefore = Signals.block(kick);
        fd.setSignalMask(blockedBefore & ~kick);
        synchronized (lock) {
            threadId = Signals.currentThreadId();
        }
    }

    void detachThread() {
        synchronized (lock) {
            threadId = NO_THREAD;
        }
        // What is still pending must not reach whatever the thread does next.
        consume();
        Signals.unblock(Signals.bit(Signals.KICK_SIGNAL));
    }

    void kick() {
        synchronized (lock) {
            if (threadId != NO_THREAD) {
                Signals.sendToThread(threadId, Signals.KICK_SIGNAL);
            }
        }
    }

    /** Takes the signal that made KVM_RUN return EINTR, which would make the next one return, too. */
    void consume() {
        Signals.consume(Signals.KICK_SIGNAL);
    }
}

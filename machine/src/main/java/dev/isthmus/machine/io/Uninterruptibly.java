// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.concurrent.CountDownLatch;

/**
 * Waits that an interrupt does not cut short; the caller's interrupt status is kept. For waits that are bounded by our
 * own threads' progress, where giving up halfway would leave a machine half taken down.
 */
public final class Uninterruptibly {
    private Uninterruptibly() {}

    /** Waits until a thread has ended. */
    public static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        restore(interrupted);
    }

    /** Waits until a latch is open. */
    public static void await(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        restore(interrupted);
    }

    private static void restore(boolean interrupted) {
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

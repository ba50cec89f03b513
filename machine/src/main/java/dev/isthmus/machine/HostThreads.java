// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** Starts threads, which a host may refuse: as a fault of the host and not as an {@link OutOfMemoryError}. */
public final class HostThreads {
    private HostThreads() {}

    /**
     * Starts a thread.
     *
     * @throws VmException.HostFault if the host allows no more threads
     */
    public static void start(Thread thread) {
        try {
            thread.start();
        } catch (OutOfMemoryError e) {
            throw VmException.HostFault.of(e);
        }
    }
}

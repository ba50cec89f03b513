// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** Starts threads, which a host may refuse: as a fault of the host and not as an {@link OutOfMemoryError}. */
public final class HostThreads {
    /** What to do where the host, for us or for a kernel's thread of its own, allows no more. */
    public static final String REMEDY = "Raise the limit of processes (ulimit -u; in a container, its pids limit).";

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
            throw new VmException.HostFault("The host allows no more threads.", REMEDY, e);
        }
    }
}

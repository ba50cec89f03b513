// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** Who does a disk's I/O on the host. */
public enum DiskEngine {
    /** Threads, each with a request at a time; everywhere. */
    THREADS,

    /** The kernel's io_uring, a batch of requests with one system call: faster, where the host allows it. */
    IO_URING
}

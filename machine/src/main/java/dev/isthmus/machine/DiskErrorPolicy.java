// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** What becomes of a disk request that the host fails. */
public enum DiskErrorPolicy {
    /** The guest is told: its request ends with an I/O error. */
    REPORT,
    /**
     * The machine is paused and the request kept; {@link Machine#resume} repeats it. The guest learns nothing. See
     * {@link Machine#diskFault}.
     */
    STOP
}

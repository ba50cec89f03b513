// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** Is told of requests that were kept because the host failed them. */
interface DiskFaultListener {
    /** A disk has kept its first failed request since it was last told to go on. Loop thread; returns at once. */
    void diskFailed(Disk disk);
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/** How a kernel file is to be read. */
public enum KernelFormat {
    /** By the file's own magic numbers: {@link #ELF} or {@link #BZIMAGE}, never {@link #FLAT}. */
    AUTO,

    /** A 64-bit ELF executable: {@code vmlinux}, or any kernel with a PVH note. */
    ELF,

    /** A compressed Linux kernel as distributions ship it: {@code bzImage}, {@code vmlinuz}. */
    BZIMAGE,

    /** Bare instructions, entered in real mode at their first byte. */
    FLAT
}

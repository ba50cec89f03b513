// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.memory.GuestMemory;

/** The bytes of a kernel image, in a file or unpacked in memory. One thread at a time. */
interface ImageSource {
    /** Returns the file's name as messages show it. */
    String name();

    /** Returns the size in bytes. Ranges asked for below must lie within. */
    long sizeBytes();

    /** Reads a range into an array. */
    void read(long offset, byte[] target, int targetOffset, int lengthBytes);

    /** Copies a range into guest RAM, where the target must lie within one region. */
    void copyTo(GuestMemory memory, long gpa, long offset, long lengthBytes);
}

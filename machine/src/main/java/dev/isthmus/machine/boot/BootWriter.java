// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.memory.GuestMemory;

/** Writes boot structures into guest RAM. */
final class BootWriter {
    private BootWriter() {}

    /**
     * Copies a whole array into guest RAM, which has to be native memory. By way of a buffer: the first copy that
     * goes by memory segments links method handles inside of the JDK, which is a good part of the time before the
     * guest's first instruction.
     */
    static void write(GuestMemory memory, long gpa, byte[] bytes) {
        memory.slice(gpa, bytes.length).asByteBuffer().put(bytes);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.memory.GuestMemory;

/** A part of a file that is an image of its own: an uncompressed kernel within a bzImage. */
record ImageSlice(KernelFile file, long startOffset, long sizeBytes) implements ImageSource {
    @Override
    public String name() {
        return file.name();
    }

    @Override
    public void read(long offset, byte[] target, int targetOffset, int lengthBytes) {
        file.read(startOffset + offset, target, targetOffset, lengthBytes);
    }

    @Override
    public void copyTo(GuestMemory memory, long gpa, long offset, long lengthBytes) {
        file.copyTo(memory, gpa, startOffset + offset, lengthBytes);
    }
}

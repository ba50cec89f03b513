// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.memory.GuestMemory;

/** A kernel unpacked into host memory, under the name of the file that it came from. */
record UnpackedImage(String name, MemorySegment bytes) implements ImageSource {
    @Override
    public long sizeBytes() {
        return bytes.byteSize();
    }

    @Override
    public void read(long offset, byte[] target, int targetOffset, int lengthBytes) {
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, offset, target, targetOffset, lengthBytes);
    }

    @Override
    public void copyTo(GuestMemory memory, long gpa, long offset, long lengthBytes) {
        MemorySegment.copy(bytes, offset, memory.slice(gpa, lengthBytes), 0, lengthBytes);
    }
}

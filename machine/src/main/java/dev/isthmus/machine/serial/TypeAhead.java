// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A bounded queue of input in front of a port. Not thread-safe. */
final class TypeAhead {
    private static final int CHUNK_BYTES = 1024;

    private final byte[] bytes;
    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK_BYTES);
    private int head;
    private int count;

    TypeAhead(int capacityBytes) {
        this.bytes = new byte[capacityBytes];
    }

    /** Returns how many more bytes there is room for. */
    int room() {
        return bytes.length - count;
    }

    /** Adds a byte, for which there is room. */
    void put(byte value) {
        bytes[(head + count) % bytes.length] = value;
        count++;
    }

    /** Moves bytes to native memory, as many as there are and fit, and returns how many. */
    int moveTo(MemorySegment target) {
        int length = (int) Math.min(count, target.byteSize());
        for (int i = 0; i < length; i++) {
            target.set(ValueLayout.JAVA_BYTE, i, bytes[head]);
            head = (head + 1) % bytes.length;
        }
        count -= length;
        return length;
    }

    /** Hands on as much as a port takes. */
    void flush(SerialPort port) {
        while (count > 0) {
            int room = Math.min(port.receiveRoom(), CHUNK_BYTES);
            if (room == 0) {
                return;
            }
            int length = moveTo(chunk.asSlice(0, room));
            port.receive(chunk.asSlice(0, length));
        }
    }
}

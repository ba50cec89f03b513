// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Reads and writes entries of refcount blocks, which are 1 to 64 bits wide ("Refcount block entry"). */
final class RefcountWidth {
    private RefcountWidth() {}

    /** Returns an entry of {@code 1 << order} bits, unsigned. */
    static long get(MemorySegment block, int index, int order) {
        return switch (order) {
            case 3 -> Byte.toUnsignedLong(block.get(ValueLayout.JAVA_BYTE, index));
            case 4 -> Short.toUnsignedLong(block.get(Qcow2Format.U16, index * 2L));
            case 5 -> Integer.toUnsignedLong(block.get(Qcow2Format.U32, index * 4L));
            case 6 -> block.get(Qcow2Format.U64, index * 8L);
            default -> {
                int bits = 1 << order;
                long position = (long) index << order;
                int shift = (int) (position & 7);
                yield block.get(ValueLayout.JAVA_BYTE, position >>> 3) >>> shift & ((1 << bits) - 1);
            }
        };
    }

    /** Changes an entry of {@code 1 << order} bits. */
    static void set(MemorySegment block, int index, int order, long value) {
        switch (order) {
            case 3 -> block.set(ValueLayout.JAVA_BYTE, index, (byte) value);
            case 4 -> block.set(Qcow2Format.U16, index * 2L, (short) value);
            case 5 -> block.set(Qcow2Format.U32, index * 4L, (int) value);
            case 6 -> block.set(Qcow2Format.U64, index * 8L, value);
            default -> {
                int mask = (1 << (1 << order)) - 1;
                long position = (long) index << order;
                int shift = (int) (position & 7);
                int old = block.get(ValueLayout.JAVA_BYTE, position >>> 3);
                int changed = (old & ~(mask << shift)) | (((int) value & mask) << shift);
                block.set(ValueLayout.JAVA_BYTE, position >>> 3, (byte) changed);
            }
        }
    }
}

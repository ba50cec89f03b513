// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterList;

/** Native memory for a piece of a disk. One thread at a time. */
final class CopyBuffer {
    private static final int COMPARE_BYTES = 4096;

    private final MemorySegment memory;
    private final MemorySegment zeroes;
    private final ScatterList list = new ScatterList();

    CopyBuffer(Arena arena, int lengthBytes) {
        memory = arena.allocate(lengthBytes, COMPARE_BYTES);
        zeroes = arena.allocate(COMPARE_BYTES);
    }

    /** Returns a part of it. */
    MemorySegment slice(long offset, long lengthBytes) {
        return memory.asSlice(offset, lengthBytes);
    }

    void clear(long lengthBytes) {
        memory.asSlice(0, lengthBytes).fill((byte) 0);
    }

    /** Fills it from a disk, and with zeroes beyond that one's end. */
    BlockStatus read(BlockBackend disk, long offsetBytes, long lengthBytes) {
        long there = Math.clamp(disk.capacityBytes() - offsetBytes, 0, lengthBytes);
        if (there < lengthBytes) {
            memory.asSlice(there, lengthBytes - there).fill((byte) 0);
        }
        if (there == 0) {
            return BlockStatus.OK;
        }
        return disk.read(offsetBytes, part(0, there));
    }

    /** Writes a part of it. */
    BlockStatus write(BlockBackend disk, long diskOffsetBytes, long offset, long lengthBytes) {
        return disk.write(diskOffsetBytes, part(offset, lengthBytes));
    }

    private ScatterList part(long offset, long lengthBytes) {
        list.clear();
        list.add(memory, offset, lengthBytes);
        return list;
    }

    boolean zero(long offset, long lengthBytes) {
        for (long at = offset; at < offset + lengthBytes; at += COMPARE_BYTES) {
            long count = Math.min(COMPARE_BYTES, offset + lengthBytes - at);
            if (MemorySegment.mismatch(memory, at, at + count, zeroes, 0, count) >= 0) {
                return false;
            }
        }
        return true;
    }

    boolean sameAs(CopyBuffer other, long offset, long lengthBytes) {
        return MemorySegment.mismatch(memory, offset, offset + lengthBytes, other.memory, offset, offset + lengthBytes)
                < 0;
    }
}

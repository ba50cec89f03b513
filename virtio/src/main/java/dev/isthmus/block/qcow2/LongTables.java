// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;

/** Reads and writes tables of 64 bit entries (L1 tables, the refcount table), a piece at a time. Not for hot paths. */
final class LongTables {
    private static final int PIECE_ENTRIES = 8192;

    private LongTables() {}

    /**
     * Reads a table; what lies beyond the end of the file is zeroes.
     *
     * @throws IoFailure where it can't be read
     */
    static long[] read(ImageFile file, long offset, int entries) {
        if (offset < 0 || offset > Qcow2Format.MAX_HOST_BYTES) {
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
        long[] table = new long[entries];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = buffer(arena, entries);
            for (int done = 0; done < entries; ) {
                int count = Math.min(PIECE_ENTRIES, entries - done);
                MemorySegment piece = buffer.asSlice(0, (long) count * Qcow2Format.ENTRY_BYTES);
                IoFailure.checkRead(file.read(offset + (long) done * Qcow2Format.ENTRY_BYTES, piece));
                for (int i = 0; i < count; i++) {
                    table[done + i] = piece.get(Qcow2Format.U64, (long) i * Qcow2Format.ENTRY_BYTES);
                }
                done += count;
            }
        }
        return table;
    }

    /**
     * Writes entries of a table.
     *
     * @param offset where the table starts
     * @param from first entry
     * @param to behind the last entry
     * @throws IoFailure where they can't be written
     */
    static void write(ImageFile file, long offset, long[] table, int from, int to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = buffer(arena, to - from);
            for (int done = from; done < to; ) {
                int count = Math.min(PIECE_ENTRIES, to - done);
                for (int i = 0; i < count; i++) {
                    buffer.set(Qcow2Format.U64, (long) i * Qcow2Format.ENTRY_BYTES, table[done + i]);
                }
                MemorySegment piece = buffer.asSlice(0, (long) count * Qcow2Format.ENTRY_BYTES);
                IoFailure.check(file.write(offset + (long) done * Qcow2Format.ENTRY_BYTES, piece));
                done += count;
            }
        }
    }

    /** Writes bytes. */
    static void write(ImageFile file, long offset, byte[] bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bytes.length);
            buffer.copyFrom(MemorySegment.ofArray(bytes));
            IoFailure.check(file.write(offset, buffer));
        }
    }

    private static MemorySegment buffer(Arena arena, int entries) {
        return arena.allocate((long) Math.clamp(entries, 1, PIECE_ENTRIES) * Qcow2Format.ENTRY_BYTES);
    }
}

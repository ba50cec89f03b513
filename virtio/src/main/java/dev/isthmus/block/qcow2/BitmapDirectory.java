// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockStatus;

/** The clusters of QEMU's dirty bitmaps ("Bitmaps"), which a check counts; nothing else is done with bitmaps. */
final class BitmapDirectory {
    private static final int ENTRY_FIXED_BYTES = 24;
    private static final int MAX_TABLE_ENTRIES = (8 << 20) / Qcow2Format.ENTRY_BYTES;
    private static final long TABLE_RESERVED_MASK = 0xFF000000000001FEL;

    /** Is told of a range that is in use. */
    interface Range {
        void use(long offset, long lengthBytes);
    }

    private final CheckState state;
    private final int bitmaps;
    private final long directoryBytes;
    private final long directoryOffset;

    BitmapDirectory(CheckState state, MemorySegment extension) {
        this.state = state;
        this.bitmaps = extension.get(Qcow2Format.U32, 0);
        this.directoryBytes = extension.get(Qcow2Format.U64, 8);
        this.directoryOffset = extension.get(Qcow2Format.U64, 16);
    }

    /**
     * Tells all ranges.
     *
     * @throws IoFailure where the directory is damaged
     */
    void count(Range range) {
        range.use(directoryOffset, directoryBytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment directory = arena.allocate(Math.max(1, directoryBytes));
            IoFailure.checkRead(state.file.read(directoryOffset, directory));
            long position = 0;
            for (int i = 0; i < bitmaps; i++) {
                if (position + ENTRY_FIXED_BYTES > directoryBytes) {
                    throw damaged();
                }
                long tableOffset = directory.get(Qcow2Format.U64, position);
                int tableEntries = directory.get(Qcow2Format.U32, position + 8);
                int nameBytes = Short.toUnsignedInt(directory.get(Qcow2Format.U16, position + 18));
                long extraBytes = Integer.toUnsignedLong(directory.get(Qcow2Format.U32, position + 20));
                position += (ENTRY_FIXED_BYTES + nameBytes + extraBytes + 7) & -8;
                if (position > directoryBytes
                        || tableEntries < 0
                        || tableEntries > MAX_TABLE_ENTRIES
                        || tableOffset <= 0
                        || tableOffset >= Qcow2Format.MAX_HOST_BYTES
                        || !state.layout.aligned(tableOffset)) {
                    throw damaged();
                }
                countTable(range, tableOffset, tableEntries);
            }
        }
    }

    private void countTable(Range range, long tableOffset, int entries) {
        range.use(tableOffset, (long) entries * Qcow2Format.ENTRY_BYTES);
        for (long entry : LongTables.read(state.file, tableOffset, entries)) {
            long offset = entry & Qcow2Format.OFFSET_MASK;
            if ((entry & TABLE_RESERVED_MASK) != 0
                    || !state.layout.aligned(offset)
                    || (offset != 0 && (entry & 1) != 0)) {
                state.counters.corruption("an entry of a bitmap table is damaged");
            } else if (offset != 0) {
                range.use(offset, state.layout.clusterBytes);
            }
        }
    }

    private IoFailure damaged() {
        state.counters.corruption("the list of bitmaps is damaged");
        return IoFailure.of(BlockStatus.IO_ERROR);
    }
}

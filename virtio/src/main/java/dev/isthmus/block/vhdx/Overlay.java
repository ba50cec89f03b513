// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;

import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.ImageErrors;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * What a replayed log changes in a file: ranges with their new bytes, or with zeroes.
 *
 * <p>Immutable; any thread. Lookups allocate nothing.
 */
final class Overlay implements AutoCloseable {
    /** Instead of where the bytes of a range are: it is zeroes. */
    static final long NO_DATA = -1;

    /** More than a log of 64 MiB of data sectors makes; only ranges of zeroes could be more. */
    static final int MAX_RANGES = 1 << 16;

    private final Arena arena;
    private final MemorySegment data;
    private final long[] starts;
    private final long[] ends;
    private final long[] dataOffsets;

    private Overlay(Builder builder) {
        this.arena = builder.arena;
        this.data = builder.data;
        int count = builder.ranges.size();
        this.starts = new long[count];
        this.ends = new long[count];
        this.dataOffsets = new long[count];
        int i = 0;
        for (Map.Entry<Long, Range> range : builder.ranges.entrySet()) {
            starts[i] = range.getKey();
            ends[i] = range.getValue().end;
            dataOffsets[i] = range.getValue().dataOffset;
            i++;
        }
    }

    /** Returns where the last range ends, in bytes. */
    long endBytes() {
        return ends.length == 0 ? 0 : ends[ends.length - 1];
    }

    /** Tells whether anything in a range of the file is changed. */
    boolean touches(long offsetBytes, long lengthBytes) {
        int range = firstEndingBehind(offsetBytes);
        return range < starts.length && starts[range] < offsetBytes + lengthBytes;
    }

    /**
     * Changes what was read from the file.
     *
     * @param offsetBytes where it was read
     * @param target what was read
     */
    void patch(long offsetBytes, ScatterView target) {
        long endBytes = offsetBytes + target.totalBytes();
        for (int i = firstEndingBehind(offsetBytes); i < starts.length && starts[i] < endBytes; i++) {
            long from = Math.max(starts[i], offsetBytes);
            long length = Math.min(ends[i], endBytes) - from;
            if (dataOffsets[i] == NO_DATA) {
                Scatters.zero(target, from - offsetBytes, length);
            } else {
                Scatters.copy(data, dataOffsets[i] + (from - starts[i]), target, from - offsetBytes, length);
            }
        }
    }

    private int firstEndingBehind(long offsetBytes) {
        int low = 0;
        int high = ends.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ends[middle] > offsetBytes) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /** Gives the memory back. Idempotent. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    private record Range(long end, long dataOffset) {
        /** Returns what is left of it from a point on. */
        Range from(long start, long newStart) {
            return new Range(end, dataOffset == NO_DATA ? NO_DATA : dataOffset + (newStart - start));
        }
    }

    /** Collects changes: later ones win. */
    static final class Builder implements AutoCloseable {
        private final ImageFile file;
        private final TreeMap<Long, Range> ranges = new TreeMap<>();
        private final Arena arena = Arena.ofShared();
        private final MemorySegment data;
        private long usedBytes;

        /**
         * Makes a builder.
         *
         * @param file what messages name
         * @param dataSectors how many sectors of data there will be
         */
        Builder(ImageFile file, int dataSectors) {
            this.file = file;
            this.data = arena.allocate((long) dataSectors * LogEntry.SECTOR_BYTES, LogEntry.SECTOR_BYTES);
        }

        /** Returns the memory of all sectors of data. */
        MemorySegment data() {
            return data;
        }

        /** Returns where in that memory the next sector goes. */
        long reserve() {
            long offset = usedBytes;
            usedBytes += LogEntry.SECTOR_BYTES;
            return offset;
        }

        /**
         * Changes a range of the file.
         *
         * @param start where it begins
         * @param end where it ends; nothing is changed where it is empty
         * @param dataOffset where its bytes are, or {@link #NO_DATA}
         */
        void put(long start, long end, long dataOffset) {
            if (start == end) {
                return;
            }
            Map.Entry<Long, Range> before = ranges.lowerEntry(start);
            if (before != null && before.getValue().end > start) {
                ranges.put(before.getKey(), new Range(start, before.getValue().dataOffset));
                keepBehind(before, end);
            }
            Map.Entry<Long, Range> covered = ranges.ceilingEntry(start);
            while (covered != null && covered.getKey() < end) {
                ranges.remove(covered.getKey());
                keepBehind(covered, end);
                covered = ranges.ceilingEntry(start);
            }
            ranges.put(start, new Range(end, dataOffset));
            if (ranges.size() > MAX_RANGES) {
                throw ImageErrors.unsupported(
                        VhdxHeader.FORMAT, file, "was not closed, and its log changes too much", VhdxLog.REPLAY_ELSEWHERE);
            }
        }

        private void keepBehind(Map.Entry<Long, Range> range, long end) {
            if (range.getValue().end > end) {
                ranges.put(end, range.getValue().from(range.getKey(), end));
            }
        }

        /** Makes the overlay, which takes the memory over. */
        Overlay build() {
            return new Overlay(this);
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}

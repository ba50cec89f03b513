// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.TableCache;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;

/**
 * A part of a disk that is cut into grains, of which its file holds some (type SPARSE). The grain directory says where
 * the grain tables are, and those where the grains are: 32 bits each, in sectors, 0 for what is not there.
 */
final class SparseExtent implements Extent {
    /** Of a grain table: the grain is all zeroes. */
    static final long ZEROED_GRAIN = 1;

    private final ImageFile file;
    private final int fileIndex;
    private final long fileBytes;
    private final SparseHeader header;
    private final int grainShift;
    private final FaultLog faults;

    /**
     * Makes one.
     *
     * @param file is closed with the extent
     * @param fileIndex its number in the cache of tables
     * @param header its header
     * @param faults where damage is told that could be helped
     */
    SparseExtent(ImageFile file, int fileIndex, SparseHeader header, FaultLog faults) {
        this.file = file;
        this.fileIndex = fileIndex;
        this.fileBytes = file.sizeBytes();
        this.header = header;
        this.grainShift = Long.numberOfTrailingZeros(header.grainBytes());
        this.faults = faults;
    }

    /** Returns the header. */
    SparseHeader header() {
        return header;
    }

    /** Returns the file. */
    ImageFile file() {
        return file;
    }

    /** Returns the file's size at opening. */
    long fileBytes() {
        return fileBytes;
    }

    @Override
    public void locate(long offsetBytes, boolean mayWait, TableCache tables, Location found) {
        long grain = offsetBytes >>> grainShift;
        long within = offsetBytes & (header.grainBytes() - 1);
        long left = header.grainBytes() - within;
        long entry = grainTableEntry(grain, mayWait, tables);
        if (entry < 0) {
            found.noEntry(entry);
        } else if (entry == 0 || (entry == ZEROED_GRAIN && header.zeroedGrains())) {
            found.zeroes(left);
        } else if (header.packed()) {
            found.indirect(entry * SparseHeader.SECTOR_BYTES, left);
        } else {
            found.plain(file, fileBytes, entry * SparseHeader.SECTOR_BYTES + within, left);
        }
    }

    private long grainTableEntry(long grain, boolean mayWait, TableCache tables) {
        long entry = grainTableEntry(header.directoryOffsetBytes(), grain, mayWait, tables);
        if (entry != TableCache.UNREADABLE || header.redundantOffsetBytes() == 0) {
            return entry;
        }
        if (mayWait) {
            faults.report("A grain table of " + file.name() + " is damaged; the redundant one is used");
        }
        return grainTableEntry(header.redundantOffsetBytes(), grain, mayWait, tables);
    }

    private long grainTableEntry(long directoryOffset, long grain, boolean mayWait, TableCache tables) {
        int gtes = header.gtesPerGt();
        long table = tables.u32(fileIndex, directoryOffset + grain / gtes * Integer.BYTES, mayWait);
        if (table <= 0) {
            // No table: none of its grains is there. Or the directory can't be read.
            return table;
        }
        long tableOffset = table * SparseHeader.SECTOR_BYTES;
        if (tableOffset + (long) gtes * Integer.BYTES > fileBytes) {
            return TableCache.UNREADABLE;
        }
        return tables.u32(fileIndex, tableOffset + grain % gtes * Integer.BYTES, mayWait);
    }

    @Override
    public BlockStatus readPacked(long offsetBytes, Location found, PackedGrains grains, ScatterView target) {
        int within = (int) (offsetBytes & (header.grainBytes() - 1));
        long grainSector = (offsetBytes - within) / SparseHeader.SECTOR_BYTES;
        return grains.read(this, grainSector, found.offsetBytes(), within, target);
    }

    @Override
    public void close() {
        file.close();
    }
}

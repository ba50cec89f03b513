// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.ImageErrors;
import dev.isthmus.block.mapped.TableCache;
import dev.isthmus.device.FaultLog;

/**
 * The extents of an image while it is opened, so that what was opened is closed where a later one can't be.
 *
 * <p>Confined to the thread that opens the image.
 */
final class ExtentSet implements AutoCloseable {
    private static final long MAX_SECTORS = Long.MAX_VALUE / SparseHeader.SECTOR_BYTES;

    private final FaultLog faults;
    private final Extent[] extents;
    private final long[] ends;
    private final ImageFile[] sparseFiles;
    private final long[] sparseFileBytes;
    private int count;
    private int sparseCount;
    private long diskSectors;
    private long tableBytes;
    private long packedGrainBytes;

    /** Makes an empty set for so many extents. */
    ExtentSet(int capacity, FaultLog faults) {
        this.faults = faults;
        this.extents = new Extent[capacity];
        this.ends = new long[capacity];
        this.sparseFiles = new ImageFile[capacity];
        this.sparseFileBytes = new long[capacity];
    }

    /**
     * Opens the extent that a line of a descriptor tells of.
     *
     * @param descriptor the file of the descriptor
     * @param line the line
     * @param siblings opens its file
     * @throws ImageException if it can't be opened
     */
    void open(ImageFile descriptor, ExtentLine line, ExtentFiles siblings) {
        if (line.sectors() > MAX_SECTORS - diskSectors) {
            throw ImageErrors.damaged(SparseHeader.FORMAT, descriptor, "its extents are too large");
        }
        if (line.type() == ExtentLine.Type.ZERO) {
            add(new ZeroExtent(), line.sectors());
            return;
        }
        ImageFile file = siblings.open(line.fileName());
        try {
            if (line.type() == ExtentLine.Type.FLAT) {
                long startBytes = line.startSector() * SparseHeader.SECTOR_BYTES;
                add(new FlatExtent(file, startBytes, line.sectors() * SparseHeader.SECTOR_BYTES), line.sectors());
            } else {
                addSparse(file, SparseHeader.read(file), line.sectors());
            }
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Adds a sparse extent.
     *
     * @param file its file
     * @param header its header
     * @param sectors how much of it is in the disk. By the specification that is what the descriptor says, where QEMU
     *     takes the capacity that the header says.
     * @throws ImageException if it has less
     */
    void addSparse(ImageFile file, SparseHeader header, long sectors) {
        if (sectors > header.capacitySectors()) {
            throw ImageErrors.damaged(
                    SparseHeader.FORMAT,
                    file,
                    "it has " + header.capacitySectors() + " sectors, and its descriptor says " + sectors);
        }
        sparseFiles[sparseCount] = file;
        sparseFileBytes[sparseCount] = file.sizeBytes();
        tableBytes += header.tableBytes();
        if (header.packed()) {
            packedGrainBytes = Math.max(packedGrainBytes, header.grainBytes());
        }
        add(new SparseExtent(file, sparseCount, header, faults), sectors);
        sparseCount++;
    }

    private void add(Extent extent, long sectors) {
        extents[count] = extent;
        diskSectors += sectors;
        ends[count] = diskSectors * SparseHeader.SECTOR_BYTES;
        count++;
    }

    /** Returns the size of all in bytes. */
    long diskBytes() {
        return diskSectors * SparseHeader.SECTOR_BYTES;
    }

    /** Returns the extents in the order of the disk. */
    Extent[] extents() {
        return extents.clone();
    }

    /** Returns where each of them ends in the disk, in bytes. */
    long[] ends() {
        return ends.clone();
    }

    /** Returns the size of the largest packed grain in bytes, or 0 where none is packed. */
    long packedGrainBytes() {
        return packedGrainBytes;
    }

    /** Makes the cache of the tables of all of them. */
    TableCache tables() {
        ImageFile[] files = new ImageFile[sparseCount];
        long[] fileBytes = new long[sparseCount];
        System.arraycopy(sparseFiles, 0, files, 0, sparseCount);
        System.arraycopy(sparseFileBytes, 0, fileBytes, 0, sparseCount);
        return new TableCache(files, fileBytes, tableBytes);
    }

    /** Closes the files of all of them. */
    @Override
    public void close() {
        for (int i = 0; i < count; i++) {
            extents[i].close();
        }
    }
}

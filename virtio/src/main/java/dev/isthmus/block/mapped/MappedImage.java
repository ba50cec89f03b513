// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.util.Objects;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DirectAccess;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.SparseDisk;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * A disk that is only read and whose format says, block by block, where the bytes are. This is the way of a read, which
 * is the same for all of them: look up, join what lies together in one file, and have the file read it straight into
 * the caller's memory.
 *
 * <p>Where the map leads nowhere, because the image is damaged, the read is an I/O error and the log tells why.
 *
 * <p>Role DISK_WORKER, several at once; {@link #map} on any thread. Allocates nothing in steady state.
 */
public abstract class MappedImage implements SparseDisk, DirectAccess {
    private final FaultLog faults;
    private final long capacityBytes;
    private final BlockGeometry geometry;
    private final Cursors cursors = new Cursors();

    /**
     * Makes a disk.
     *
     * @param faults where damage is told
     * @param capacityBytes the size, a multiple of 512
     * @param geometry sizes that are good to know for a guest
     */
    protected MappedImage(FaultLog faults, long capacityBytes, BlockGeometry geometry) {
        this.faults = faults;
        this.capacityBytes = capacityBytes;
        this.geometry = geometry;
    }

    /**
     * Finds where the disk's bytes are from an offset on.
     *
     * @param offsetBytes where in the disk, less than its capacity
     * @param mayWait whether tables may be read from the file; else the answer may be {@link Location.Kind#UNKNOWN}
     * @param found is set
     */
    protected abstract void locate(long offsetBytes, boolean mayWait, Location found);

    /**
     * Reads what only the image can read.
     *
     * @param offsetBytes where in the disk
     * @param found what {@link #locate} answered for this offset, {@link Location.Kind#INDIRECT}
     * @param target memory to fill, no longer than {@code found} is
     */
    protected abstract BlockStatus readIndirect(long offsetBytes, Location found, ScatterView target);

    /** Returns where damage is told. */
    protected final FaultLog faults() {
        return faults;
    }

    @Override
    public final long capacityBytes() {
        return capacityBytes;
    }

    @Override
    public final boolean readOnly() {
        return true;
    }

    @Override
    public final BlockGeometry geometry() {
        return geometry;
    }

    @Override
    public final BlockStatus write(long offsetBytes, ScatterView source) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public final BlockStatus flush() {
        return BlockStatus.OK;
    }

    @Override
    public final BlockStatus read(long offsetBytes, ScatterView target) {
        if (!inRange(offsetBytes, target.totalBytes())) {
            return BlockStatus.OUT_OF_RANGE;
        }
        Cursors.Cursor cursor = cursors.take();
        try {
            return readRuns(offsetBytes, target, cursor);
        } finally {
            cursors.give(cursor);
        }
    }

    private BlockStatus readRuns(long offsetBytes, ScatterView target, Cursors.Cursor cursor) {
        Location found = cursor.found;
        Location run = cursor.run;
        long lengthBytes = target.totalBytes();
        long runStart = 0;
        long position = 0;
        while (position < lengthBytes) {
            locate(offsetBytes + position, true, found);
            if (found.kind() == Location.Kind.DAMAGED) {
                faults.report("Byte " + (offsetBytes + position) + " can't be read: " + found.cause());
                return BlockStatus.IO_ERROR;
            }
            found.limit(lengthBytes - position);
            position += found.lengthBytes();
            if (runStart == position - found.lengthBytes()) {
                run.copyOf(found);
            } else if (!run.extendBy(found)) {
                BlockStatus status = readRun(offsetBytes, runStart, target, cursor);
                if (status != BlockStatus.OK) {
                    return status;
                }
                runStart += run.lengthBytes();
                run.copyOf(found);
            }
        }
        return lengthBytes == 0 ? BlockStatus.OK : readRun(offsetBytes, runStart, target, cursor);
    }

    private BlockStatus readRun(long offsetBytes, long runStart, ScatterView target, Cursors.Cursor cursor) {
        Location run = cursor.run;
        if (run.kind() == Location.Kind.ZEROES) {
            Scatters.zero(target, runStart, run.lengthBytes());
            return BlockStatus.OK;
        }
        ScatterView part = target;
        if (run.lengthBytes() != target.totalBytes()) {
            cursor.part.clear();
            cursor.part.addSlice(target, runStart, run.lengthBytes());
            part = cursor.part;
        }
        if (run.kind() == Location.Kind.INDIRECT) {
            return readIndirect(offsetBytes + runStart, run, part);
        }
        ImageFile file = Objects.requireNonNull(run.file());
        BlockStatus status = file.read(run.offsetBytes(), part);
        if (status == BlockStatus.OUT_OF_RANGE) {
            // The map was checked against the size at opening.
            faults.report("The file " + file.name() + " has become shorter than "
                    + (run.offsetBytes() + run.lengthBytes()) + " bytes");
            return BlockStatus.IO_ERROR;
        }
        return status;
    }

    @Override
    public final BlockStatus find(long offsetBytes, long maxBytes, DiskExtent found) {
        Cursors.Cursor cursor = cursors.take();
        try {
            Location location = cursor.found;
            locate(offsetBytes, true, location);
            if (location.kind() == Location.Kind.DAMAGED) {
                faults.report("Byte " + offsetBytes + " can't be read: " + location.cause());
                return BlockStatus.IO_ERROR;
            }
            boolean zeroes = location.kind() == Location.Kind.ZEROES;
            found.set(
                    zeroes ? DiskExtent.Kind.ZERO : DiskExtent.Kind.DATA,
                    Math.min(Math.min(maxBytes, location.lengthBytes()), capacityBytes - offsetBytes));
            return BlockStatus.OK;
        } finally {
            cursors.give(cursor);
        }
    }

    @Override
    public final boolean map(boolean write, long offsetBytes, long lengthBytes, ExtentList extents) {
        extents.clear();
        if (write || lengthBytes <= 0 || !inRange(offsetBytes, lengthBytes)) {
            return false;
        }
        Cursors.Cursor cursor = cursors.take();
        try {
            Location found = cursor.found;
            long position = 0;
            while (position < lengthBytes) {
                locate(offsetBytes + position, false, found);
                if (found.kind() != Location.Kind.PLAIN && found.kind() != Location.Kind.ZEROES) {
                    return false;
                }
                found.limit(lengthBytes - position);
                extents.add(found.file(), found.offsetBytes(), found.lengthBytes());
                position += found.lengthBytes();
            }
            return true;
        } finally {
            cursors.give(cursor);
        }
    }

    @Override
    public final void unmap(boolean write, ExtentList extents) {
        // Nothing ever moves.
    }

    private boolean inRange(long offsetBytes, long lengthBytes) {
        return offsetBytes >= 0
                && lengthBytes >= 0
                && offsetBytes <= capacityBytes
                && lengthBytes <= capacityBytes - offsetBytes;
    }
}

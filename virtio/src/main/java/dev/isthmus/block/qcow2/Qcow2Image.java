// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.DirectAccess;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.SparseDisk;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;

/**
 * An open qcow2 image, version 2 or 3 (QEMU's docs/interop/qcow2.txt).
 *
 * <p>Threads: as {@link BlockBackend} says. One lock guards the metadata in memory and its I/O; data goes straight
 * between the files and the caller's memory, outside of it. Reads and writes of plain clusters allocate nothing.
 *
 * <p>Crash safety: whenever the process or the host dies, the image is sound (clusters may leak), and what was flushed is
 * there. Four rules make it so, each kept in one place:
 *
 * <ol>
 *   <li>An L2 entry changes when the data it refers to has been written, copy-on-write included ({@link ClusterWriter}).
 *   <li>Metadata reaches the file in an order: refcounts and data, flush, L2 tables, flush, L1 entries
 *       ({@link WriteBack}).
 *   <li>A cluster that was given up is free only when no metadata on disk refers to it and no I/O is using it
 *       ({@link DeferredFrees}).
 *   <li>Tables that move (the refcount table, an L1 table, the snapshot table) are written and flushed whole, and then
 *       the header is changed in a single sector ({@link HeaderFields}). Only another name of the backing image takes
 *       all of the header's cluster to be written anew ({@link Qcow2Amender}), which a crash of the host may cut short.
 * </ol>
 *
 * <p>An image that contradicts itself is marked as corrupt, and every request to it fails from then on, as with QEMU.
 */
public final class Qcow2Image implements SparseDisk, DirectAccess {
    private static final int NO_TICKET = -1;

    private final ImageState image;
    private final ClusterMap clusters;
    private final ClusterReader reader;
    private final ClusterWriter writer;
    private final ZeroWriter zeroes;
    private final ExtentMapper mapper;
    private final Scratch.Pool pool;
    private final @Nullable ClusterCodec zstd;
    private boolean closed;

    private Qcow2Image(ImageState image, @Nullable ClusterCodec zstd) {
        this.image = image;
        this.zstd = zstd;
        this.clusters = new ClusterMap(image);
        this.reader = new ClusterReader(image, clusters, zstd);
        this.writer = new ClusterWriter(image, clusters, reader);
        this.zeroes = new ZeroWriter(image, clusters, writer);
        this.mapper = new ExtentMapper(image, clusters);
        this.pool = new Scratch.Pool(image);
    }

    /**
     * Opens an image, for writing unless its file is read-only. Opening for writing repairs the refcounts of an image
     * whose dirty bit is set, and clears the features that say that other data, such as QEMU's bitmaps, is up to date.
     *
     * @param file is closed with the image; stays open where opening fails
     * @param opener opens what the image names; null leaves its backing image alone, for work that does not read the disk
     * @param zstd unpacks Zstandard clusters, or null where there is nothing that can
     * @throws ImageException where it is no sound qcow2 image, uses what is not supported, is corrupt and to be written
     * @throws ImageIoException where it can't be read
     */
    public static Qcow2Image open(ImageFile file, @Nullable ImageOpener opener, @Nullable ClusterCodec zstd) {
        return open(file, opener, zstd, null);
    }

    /**
     * Opens an image.
     *
     * @param snapshots where a repair opens it: its snapshot table, which may not be readable as it is in the file; the
     *     image may be marked as corrupt or dirty then, and stays so
     */
    static Qcow2Image open(
            ImageFile file,
            @Nullable ImageOpener opener,
            @Nullable ClusterCodec zstd,
            @Nullable SnapshotTable snapshots) {
        boolean readOnly = file.readOnly();
        FaultLog faults = new FaultLog(file.name());
        Qcow2Header header = Qcow2Header.read(file, false);
        checkOpenable(file, header, readOnly || snapshots != null, zstd);
        if (header.dirty() && !readOnly && snapshots == null) {
            faults.report("the image was not closed in order; its refcounts are being repaired");
            header = repaired(file);
        }
        ImageFile dataFile = null;
        BlockBackend backing = null;
        ImageState image = null;
        try {
            dataFile = openData(file, header, opener, readOnly);
            backing = openBacking(header, opener);
            image = new ImageState(file, dataFile, backing, header, readOnly, faults);
            if (snapshots == null) {
                SnapshotTable.load(image);
            } else {
                SnapshotTable.take(image, snapshots);
            }
            if (!readOnly) {
                image.headerFields.clearAutoclear();
            }
            Qcow2Image opened = new Qcow2Image(image, zstd);
            image = null;
            dataFile = null;
            backing = null;
            return opened;
        } catch (IoFailure e) {
            throw ImageIoException.of(e.status(), "open " + file.name());
        } finally {
            closeAll(image, dataFile, backing);
        }
    }

    private static void checkOpenable(
            ImageFile file, Qcow2Header header, boolean readOnly, @Nullable ClusterCodec zstd) {
        if (header.corrupt() && !readOnly) {
            throw new ImageException(
                    file.name() + " is marked as corrupt and can't be written.",
                    "Open it read-only, or repair it with 'isthmus image check --repair all'.");
        }
        if (header.compressionType == Qcow2Format.COMPRESSION_ZSTD) {
            if (zstd == null) {
                throw new ImageException(
                        file.name() + " has Zstandard clusters, which need a library that is not there.",
                        "Convert it with 'qemu-img convert -o compression_type=zlib'.");
            }
            zstd.load();
        }
    }

    private static Qcow2Header repaired(ImageFile file) {
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.ALL);
        if (result.corruptions() > 0 || result.checkErrors() > 0) {
            throw new ImageException(
                    file.name() + " was not closed in order, and its refcounts can't be repaired.",
                    "Open it read-only, or restore it from a copy.");
        }
        return Qcow2Header.read(file, false);
    }

    private static @Nullable ImageFile openData(
            ImageFile file, Qcow2Header header, @Nullable ImageOpener opener, boolean readOnly) {
        if (!header.externalData()) {
            return null;
        }
        String name = header.dataFileName;
        if (name == null || opener == null) {
            throw new ImageException(file.name() + " does not tell which file its data is in.", "Tell it with 'qemu-img amend -o data_file=...'.");
        }
        return opener.openFile(name, readOnly);
    }

    private static @Nullable BlockBackend openBacking(Qcow2Header header, @Nullable ImageOpener opener) {
        String name = header.backingName;
        if (name == null) {
            return null;
        }
        return opener == null ? new UnopenedBacking() : opener.openBacking(name, header.backingFormat);
    }

    private static void closeAll(
            @Nullable ImageState image, @Nullable ImageFile dataFile, @Nullable BlockBackend backing) {
        if (image != null) {
            image.arena.close();
        }
        if (dataFile != null) {
            dataFile.close();
        }
        if (backing != null) {
            backing.close();
        }
    }

    /** Returns what the header says. Any thread. */
    public Qcow2Info info() {
        image.lock.lock();
        try {
            return Qcow2Info.of(image.header);
        } finally {
            image.lock.unlock();
        }
    }

    /** Returns the state, for what changes the image as a whole. */
    ImageState state() {
        return image;
    }

    ClusterMap clusters() {
        return clusters;
    }

    ZeroWriter zeroes() {
        return zeroes;
    }

    Scratch.Pool pool() {
        return pool;
    }

    @Override
    public long capacityBytes() {
        return image.capacityBytes;
    }

    @Override
    public boolean readOnly() {
        return image.readOnly;
    }

    @Override
    public BlockGeometry geometry() {
        return image.file.geometry();
    }

    private boolean inRange(long offsetBytes, long lengthBytes) {
        long capacityBytes = image.capacityBytes;
        return offsetBytes >= 0
                && lengthBytes >= 0
                && offsetBytes <= capacityBytes
                && lengthBytes <= capacityBytes - offsetBytes;
    }

    /** Returns why a change can't be made, or OK. */
    private BlockStatus changeable(long offsetBytes, long lengthBytes) {
        if (image.readOnly) {
            return BlockStatus.READ_ONLY;
        }
        return inRange(offsetBytes, lengthBytes) ? BlockStatus.OK : BlockStatus.OUT_OF_RANGE;
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        if (!inRange(offsetBytes, target.totalBytes())) {
            return BlockStatus.OUT_OF_RANGE;
        }
        Scratch scratch = pool.take();
        try {
            reader.read(offsetBytes, target, scratch);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        } finally {
            pool.giveBack(scratch);
        }
    }

    @Override
    public BlockStatus find(long offsetBytes, long maxBytes, DiskExtent found) {
        Scratch scratch = pool.take();
        try {
            image.enter();
            try {
                clusters.find(offsetBytes, maxBytes, scratch.run);
            } finally {
                image.exit();
            }
            DiskExtent.Kind kind = switch (scratch.run.type) {
                case DATA, COMPRESSED -> DiskExtent.Kind.DATA;
                case ZERO_PLAIN, ZERO_ALLOCATED -> DiskExtent.Kind.ZERO;
                case UNALLOCATED -> image.backing == null ? DiskExtent.Kind.ZERO : DiskExtent.Kind.BASE;
            };
            found.set(kind, Math.min(maxBytes, scratch.run.lengthBytes));
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        } finally {
            pool.giveBack(scratch);
        }
    }

    @Override
    public @Nullable BlockBackend base() {
        return image.backing;
    }

    /**
     * Gives up all clusters of an image that is based on another one, which then shows through everywhere. Nobody else may
     * be using it. Whenever the host crashes meanwhile, each cluster reads as before or as that other one.
     */
    public BlockStatus makeEmpty() {
        if (image.readOnly) {
            return BlockStatus.READ_ONLY;
        }
        if (image.externalData() || image.backing == null) {
            return BlockStatus.UNSUPPORTED;
        }
        try {
            zeroes.forget(0, image.capacityBytes);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        }
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        BlockStatus refused = changeable(offsetBytes, source.totalBytes());
        if (refused != BlockStatus.OK) {
            return refused;
        }
        Scratch scratch = pool.take();
        try {
            writer.write(offsetBytes, source, scratch);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        } finally {
            pool.giveBack(scratch);
        }
    }

    @Override
    public BlockStatus flush() {
        if (image.readOnly) {
            return BlockStatus.OK;
        }
        try {
            image.writeBack.flush();
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        }
    }

    @Override
    public boolean canDiscard() {
        // Without zero clusters the contents of the backing image would come to light.
        return !image.readOnly && (image.header.version >= 3 || image.backing == null);
    }

    @Override
    public BlockStatus discard(long offsetBytes, long lengthBytes) {
        BlockStatus refused = changeable(offsetBytes, lengthBytes);
        if (refused != BlockStatus.OK) {
            return refused;
        }
        if (!canDiscard()) {
            return BlockStatus.UNSUPPORTED;
        }
        Scratch scratch = pool.take();
        try {
            zeroes.discard(offsetBytes, lengthBytes, scratch);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        } finally {
            pool.giveBack(scratch);
        }
    }

    @Override
    public boolean canWriteZeroes() {
        return !image.readOnly;
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        BlockStatus refused = changeable(offsetBytes, lengthBytes);
        if (refused != BlockStatus.OK) {
            return refused;
        }
        Scratch scratch = pool.take();
        try {
            zeroes.writeZeroes(offsetBytes, lengthBytes, mayUnmap, scratch);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        } finally {
            pool.giveBack(scratch);
        }
    }

    /**
     * Writes one cluster in packed form where that saves space, and otherwise as it is. For filling an image that nobody
     * else uses: the cluster must not be written by others at the same time.
     *
     * @param offsetBytes a multiple of the cluster size
     * @param cluster native memory of the size of a cluster, or what is left of the disk
     */
    public BlockStatus writeCompressed(long offsetBytes, MemorySegment cluster) {
        BlockStatus refused = changeable(offsetBytes, cluster.byteSize());
        if (refused != BlockStatus.OK) {
            return refused;
        }
        if (image.externalData()) {
            return BlockStatus.UNSUPPORTED;
        }
        Scratch scratch = pool.take();
        try {
            new ClusterPacker(image, writer, zstd).write(offsetBytes, cluster, scratch);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        } finally {
            pool.giveBack(scratch);
        }
    }

    @Override
    public BlockStatus resize(long newCapacityBytes) {
        if (image.readOnly) {
            return BlockStatus.READ_ONLY;
        }
        try {
            new Resizer(this).resize(newCapacityBytes);
            return BlockStatus.OK;
        } catch (IoFailure e) {
            return e.status();
        }
    }

    @Override
    public boolean map(boolean write, long offsetBytes, long lengthBytes, ExtentList extents) {
        extents.clear();
        if (!inRange(offsetBytes, lengthBytes) || (write && image.readOnly) || !image.tryEnter()) {
            return false;
        }
        try {
            if (!mapper.map(write, offsetBytes, lengthBytes, extents)) {
                return false;
            }
            // Nothing in an image that nobody writes is ever given up.
            extents.setTicket(image.readOnly ? NO_TICKET : image.inFlight.begin());
            return true;
        } catch (IoFailure e) {
            return false;
        } finally {
            image.exit();
        }
    }

    @Override
    public void unmap(boolean write, ExtentList extents) {
        if (extents.ticket() != NO_TICKET) {
            image.inFlight.end(extents.ticket());
        }
    }

    /**
     * Writes what is in memory, in order, and closes the files. What could not be written is logged; the image is sound
     * even so.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (!image.readOnly && !image.broken) {
            try {
                image.exclusively(Qcow2Image::nothingMore);
            } catch (IoFailure e) {
                image.faults.report("the last changes could not be written: " + e.status());
            }
        }
        pool.close();
        closeAll(image, image.dataFile, image.backing);
        image.file.close();
    }

    private static void nothingMore() {}
}

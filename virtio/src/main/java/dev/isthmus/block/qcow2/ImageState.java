// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.device.FaultLog;

/**
 * What the parts of an open image share: its files, its tables in memory and the lock over them.
 *
 * <p>Lock order: {@link #wholeChanges}, {@link WriteBack}'s lock, then {@link #lock}, the metadata lock. The metadata lock is held for metadata
 * and its I/O only; data is transferred outside of it, counted by {@link #inFlight}.
 */
final class ImageState {
    /** QEMU's default: enough for 256 GiB in clusters of 64 KiB. */
    private static final long L2_CACHE_BYTES = 32 << 20;

    private static final long REFCOUNT_CACHE_BYTES = 2 << 20;

    final ImageFile file;
    final @Nullable ImageFile dataFile;
    final @Nullable BlockBackend backing;
    final Qcow2Header header;
    final ClusterLayout layout;
    final FaultLog faults;
    final boolean readOnly;
    final Arena arena = Arena.ofShared();
    final ReentrantLock lock = new ReentrantLock();

    /** Held by one who changes the image as a whole, in one step ({@link #exclusively}) or in several (a resize). */
    final ReentrantLock wholeChanges = new ReentrantLock();

    final InFlight inFlight = new InFlight(lock);
    final AllocatingWrites allocatingWrites = new AllocatingWrites();
    final HeaderFields headerFields;
    final MetadataMap map;
    final CachedTables l2Tables;
    final Refcounts refcounts;
    final ClusterAllocator allocator;
    final DeferredFrees frees;
    final L1Table l1;
    final WriteBack writeBack;
    final boolean lazyRefcounts;

    /** The internal snapshots, in the order of their table. */
    List<Qcow2Snapshot> snapshots = new ArrayList<>();

    /** Whether the dirty bit is to stay: a change of the snapshots is under way, or has failed half-way. */
    boolean staysDirty;

    /** Size of the snapshot table in bytes. */
    long snapshotTableBytes;

    /** The disk's size in bytes. */
    volatile long capacityBytes;

    /** Whether the image was found damaged, after which nothing is done with it any more. */
    volatile boolean broken;

    /** Whether it was told that a read-only image is damaged. */
    private boolean damageReported;

    /** Whether somebody changes the image as a whole, and all others wait. */
    private boolean exclusive;

    /** The file has never been written from here on, so that it reads as zeroes. */
    private long highWaterBytes;

    ImageState(
            ImageFile file,
            @Nullable ImageFile dataFile,
            @Nullable BlockBackend backing,
            Qcow2Header header,
            boolean readOnly,
            FaultLog faults) {
        this.file = file;
        this.dataFile = dataFile;
        this.backing = backing;
        this.header = header;
        this.layout = header.layout();
        this.faults = faults;
        this.readOnly = readOnly;
        this.capacityBytes = header.capacityBytes();
        this.lazyRefcounts = !readOnly && header.lazyRefcounts();
        this.highWaterBytes = file.sizeBytes();
        this.headerFields = new HeaderFields(this);
        this.map = new MetadataMap(layout);
        this.l2Tables =
                new CachedTables(file, arena, layout.clusterBytes, L2_CACHE_BYTES >>> layout.clusterBits, false);
        CachedTables blocks = new CachedTables(
                file, arena, layout.clusterBytes, readOnly ? 0 : REFCOUNT_CACHE_BYTES >>> layout.clusterBits, true);
        this.refcounts = new Refcounts(this, blocks, readOnly ? new long[0] : readRefcountTable());
        this.allocator = new ClusterAllocator(this);
        this.frees = new DeferredFrees(this);
        this.l1 = new L1Table(this, LongTables.read(file, header.l1Offset, header.l1Entries));
        this.writeBack = new WriteBack(this);
        if (!readOnly) {
            refcounts.addBlocksTo(map);
            l1.addTablesTo(map);
            map.setL1(header.l1Offset, (long) header.l1Entries * Qcow2Format.ENTRY_BYTES);
            map.setRefcountTable(
                    header.refcountTableOffset, (long) header.refcountTableClusters << layout.clusterBits);
        }
    }

    private long[] readRefcountTable() {
        return LongTables.read(
                file, header.refcountTableOffset, header.refcountTableClusters << layout.l2Bits);
    }

    /** Returns the file that guest data is in. */
    ImageFile data() {
        return dataFile == null ? file : dataFile;
    }

    boolean externalData() {
        return dataFile != null;
    }

    /**
     * Takes the metadata lock for an operation of the guest's, which may have to wait for one on the whole image.
     *
     * @throws IoFailure where the image is broken; the lock is not held then
     */
    void enter() {
        lock.lock();
        boolean entered = false;
        try {
            waitWhileExclusive();
            entered = true;
        } finally {
            if (!entered) {
                lock.unlock();
            }
        }
    }

    /** As {@link #enter}, for what will change metadata: sees to it that not too much of it is unwritten. */
    void enterToChange() {
        enter();
        if (l2Tables.tooDirty() || frees.tooMany()) {
            exit();
            writeBack.flush();
            enter();
        }
    }

    /** Waits while somebody changes the image as a whole. Under the metadata lock. */
    void waitWhileExclusive() {
        while (exclusive && !broken) {
            inFlight.awaitChange();
        }
        if (broken) {
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
    }

    /** As {@link #enter}, but answers false where it would have to wait, or the image is broken. */
    boolean tryEnter() {
        if (broken || !lock.tryLock()) {
            return false;
        }
        if (exclusive || broken) {
            lock.unlock();
            return false;
        }
        return true;
    }

    /** Ends what {@link #enter} began. */
    void exit() {
        lock.unlock();
    }

    /**
     * Does something to the image as a whole: everything that was in memory is in the file, no I/O is in flight and none
     * begins meanwhile.
     *
     * @throws IoFailure where what is in memory could not be written, or the action throws it
     */
    void exclusively(Runnable action) {
        wholeChanges.lock();
        writeBack.lock();
        lock.lock();
        try {
            if (broken) {
                throw IoFailure.of(BlockStatus.IO_ERROR);
            }
            exclusive = true;
            inFlight.awaitNone();
            writeBack.settle();
            action.run();
            writeBack.settle();
        } finally {
            exclusive = false;
            inFlight.wake();
            lock.unlock();
            writeBack.unlock();
            wholeChanges.unlock();
        }
    }

    /** Raises the mark up to which the file may have been written. */
    void noteHighWater(long endOffset) {
        highWaterBytes = Math.max(highWaterBytes, endOffset);
    }

    /** Returns the mark up to which the file may have been written. */
    long highWaterBytes() {
        return highWaterBytes;
    }

    /** Tells whether the file was never written from an offset on. */
    boolean neverWritten(long offset) {
        return offset >= highWaterBytes;
    }

    /** Sees to it that data is not written over metadata, whatever an L2 entry says. */
    void checkData(long hostOffset, long lengthBytes) {
        long first = hostOffset >>> layout.clusterBits;
        String what = map.overlap(first, layout.clusters(hostOffset + lengthBytes) - first);
        if (what != null) {
            throw corrupted("data at 0x" + Long.toHexString(hostOffset) + " overlaps with " + what);
        }
    }

    /** Sees to it that clusters that are about to be used are not metadata, whatever their refcounts say. */
    void checkFree(long firstCluster, long count) {
        String what = map.overlap(firstCluster, count);
        if (what != null) {
            throw corrupted("a free cluster at 0x"
                    + Long.toHexString(firstCluster << layout.clusterBits) + " overlaps with " + what);
        }
    }

    /**
     * Stops everything where the image may be written: it contradicts itself, and to go on would destroy data. Marks it as
     * corrupt where its version has a bit for that. One that is read-only can be read on where it is sound.
     *
     * @return what to throw
     */
    IoFailure corrupted(String what) {
        if (readOnly) {
            if (!damageReported) {
                damageReported = true;
                faults.report("the image is corrupt, and can't be read everywhere: " + what
                        + ". Repair it with 'isthmus image check --repair all'");
            }
        } else if (!broken) {
            broken = true;
            faults.report("the image is corrupt, and no longer used: " + what
                    + ". Repair it with 'isthmus image check --repair all'");
            try {
                headerFields.setCorrupt(true);
            } catch (IoFailure e) {
                faults.report("the image could not be marked as corrupt: " + e.status());
            }
            inFlight.wake();
        }
        return IoFailure.of(BlockStatus.IO_ERROR);
    }

    /**
     * Returns what to throw where a change of the whole image failed.
     *
     * @param what what was tried, after "Can't"
     */
    ImageException failed(IoFailure failure, String what) {
        return broken
                ? new ImageException(
                        "Can't " + what + ": the image is damaged.",
                        "Repair it with 'isthmus image check --repair all'.")
                : ImageIoException.of(failure.status(), what);
    }
}

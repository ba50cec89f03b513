// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.util.List;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.Progress;

/** What the parts of a check share: the image as its header describes it, which may be damaged in any other way. */
final class CheckState implements AutoCloseable {
    /** More than any image needs that is not made to exhaust memory. */
    private static final long MAX_CLUSTERS = Integer.MAX_VALUE;

    /** The part of Java's memory that the counts of references may take. */
    private static final int MEMORY_SHARE = 4;

    /** What they may take at least: enough for 2 TiB in clusters of 64 KiB. */
    private static final long MIN_COUNTS_BYTES = 128 << 20;

    final ImageFile file;
    final Qcow2Header header;
    final ClusterLayout layout;
    final CheckCounters counters;
    final ReferenceCounts counts;
    final Arena arena = Arena.ofConfined();
    final CachedTables blocks;
    private final Progress progress;
    long[] refcountTable;
    long[] l1;
    List<Qcow2Snapshot> snapshots = List.of();
    long snapshotTableBytes;

    /** Whether the refcount structures can't be repaired in place. */
    boolean needsRebuild;

    CheckState(ImageFile file, Qcow2Header header, CheckCounters counters, Progress progress) {
        this.file = file;
        this.header = header;
        this.layout = header.layout();
        this.counters = counters;
        this.progress = progress;
        long clusters = layout.clusters(fileBytes());
        if (clusters > MAX_CLUSTERS) {
            counters.checkError("the file is too large to check");
            throw IoFailure.of(BlockStatus.UNSUPPORTED);
        }
        this.counts = new ReferenceCounts(
                file.name(), clusters, Math.max(MIN_COUNTS_BYTES, Runtime.getRuntime().maxMemory() / MEMORY_SHARE));
        this.blocks = new CachedTables(file, arena, layout.clusterBytes, (4 << 20) >>> layout.clusterBits, true);
        this.refcountTable = LongTables.read(
                file, header.refcountTableOffset, header.refcountTableClusters << layout.l2Bits);
        this.l1 = LongTables.read(file, header.l1Offset, header.l1Entries);
    }

    /** Tells how much of the disk and its snapshots is looked at. */
    void progress(long l1EntriesDone) {
        long total = l1.length;
        for (Qcow2Snapshot snapshot : snapshots) {
            total += Integer.toUnsignedLong(snapshot.l1Entries());
        }
        long capacityBytes = header.capacityBytes();
        // Of a damaged image the numbers may be anything.
        double part = total == 0 ? 1 : Math.min(1.0, (double) l1EntriesDone / total);
        progress.step((long) (part * capacityBytes), capacityBytes);
    }

    /** Returns the size of the file, in whole sectors as QEMU counts it. */
    long fileBytes() {
        return (file.sizeBytes() + Qcow2Format.SECTOR_BYTES - 1) & -Qcow2Format.SECTOR_BYTES;
    }

    /** Returns where the refcount block of a cluster is: 0 where there is none, -1 where it is misplaced. */
    long blockOffset(long cluster) {
        long index = cluster >>> layout.refcountBlockBits;
        if (index >= refcountTable.length) {
            return 0;
        }
        long offset = refcountTable[(int) index] & Qcow2Format.REFCOUNT_TABLE_OFFSET_MASK;
        return layout.aligned(offset) && offset >= 0 ? offset : -1;
    }

    /**
     * Returns the refcount that the image has for a cluster.
     *
     * @throws IoFailure where its block is misplaced or can't be read
     */
    long refcount(long cluster) {
        long offset = blockOffset(cluster);
        if (offset < 0) {
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
        return offset == 0
                ? 0
                : RefcountWidth.get(blocks.load(offset).bytes, indexInBlock(cluster), layout.refcountOrder);
    }

    /** Changes the refcount that the image has for a cluster whose block is there. */
    void setRefcount(long cluster, long value) {
        CachedTable block = blocks.load(blockOffset(cluster));
        int index = indexInBlock(cluster);
        RefcountWidth.set(block.bytes, index, layout.refcountOrder, value);
        int at = (int) (((long) index << layout.refcountOrder) >>> 3);
        block.markDirty(at, at + Math.max(1, (1 << layout.refcountOrder) >>> 3));
    }

    private int indexInBlock(long cluster) {
        return (int) (cluster & ((1L << layout.refcountBlockBits) - 1));
    }

    /** Returns a map of all metadata but the L2 tables, so that repairs do not overwrite it. */
    MetadataMap metadata() {
        MetadataMap map = new MetadataMap(layout);
        map.setL1(header.l1Offset, (long) header.l1Entries * Qcow2Format.ENTRY_BYTES);
        map.setRefcountTable(header.refcountTableOffset, (long) header.refcountTableClusters << layout.clusterBits);
        map.setSnapshots(header.snapshotsOffset, snapshotTableBytes, snapshots);
        for (long entry : refcountTable) {
            long offset = entry & Qcow2Format.REFCOUNT_TABLE_OFFSET_MASK;
            if (offset > 0) {
                map.addRefcountBlock(offset);
            }
        }
        return map;
    }

    @Override
    public void close() {
        arena.close();
    }
}

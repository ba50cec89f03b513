// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;

/**
 * Has ranges of the disk read as zeroes, and gives up their clusters. Any thread.
 *
 * <p>Whole clusters are changed in their L2 entries alone. Host clusters that are given up are punched out of the file at
 * once, as I/O in flight, so that none of them is reused before; in a crash before the L2 entries are stable they read as
 * zeroes, which is what the guest has asked for. Where something else is to show through, it is for
 * {@link ClusterForgetter}.
 */
final class ZeroWriter {
    /** What becomes of the clusters. */
    enum Mode {
        /** The contents are of no interest any more. */
        DISCARD,
        /** Reads as zeroes, and keeps its storage. */
        KEEP,
        /** Reads as zeroes, and gives up its storage. */
        UNMAP
    }

    private static final int ZERO_BYTES = 1 << 16;

    private final ImageState image;
    private final ClusterLayout layout;
    private final ClusterMap clusters;
    private final ClusterWriter writer;
    private final MemorySegment zeroes;

    ZeroWriter(ImageState image, ClusterMap clusters, ClusterWriter writer) {
        this.image = image;
        this.layout = image.layout;
        this.clusters = clusters;
        this.writer = writer;
        this.zeroes = image.arena.allocate(ZERO_BYTES);
    }

    /** Gives up the clusters that lie within a range whole. */
    void discard(long offset, long lengthBytes, Scratch scratch) {
        if (image.header.dataFileRaw()) {
            punchRaw(offset, lengthBytes);
            return;
        }
        long end = offset + lengthBytes;
        long from = roundUp(offset);
        long to = end >= image.capacityBytes ? roundUp(end) : end & -(long) layout.clusterBytes;
        if (from < to) {
            zeroClusters(from, to, Mode.DISCARD, scratch);
        }
    }

    /** Gives up all clusters of a range: beyond the end of the disk, or so that the backing image shows through. */
    void forget(long offset, long end) {
        if (roundUp(offset) < roundUp(end)) {
            new ClusterForgetter(image, clusters).forget(roundUp(offset) >>> layout.clusterBits, roundUp(end) >>> layout.clusterBits);
        }
    }

    /** Has a range read as zeroes. */
    void writeZeroes(long offset, long lengthBytes, boolean mayUnmap, Scratch scratch) {
        Mode mode = mayUnmap ? Mode.UNMAP : Mode.KEEP;
        long end = offset + lengthBytes;
        if (image.header.dataFileRaw()) {
            zeroRaw(offset, lengthBytes, mayUnmap);
            return;
        }
        boolean entriesCanTell = image.header.version >= 3 || image.backing == null;
        // Both ends of what entries can say are whole clusters: a range within the disk's last, partial cluster has none.
        long from = roundUp(offset);
        long to = end >= image.capacityBytes ? roundUp(end) : end & -(long) layout.clusterBytes;
        if (!entriesCanTell || from >= to) {
            writeZeroBytes(offset, lengthBytes, scratch);
            return;
        }
        writeZeroBytes(offset, from - offset, scratch);
        zeroClusters(from, to, mode, scratch);
        writeZeroBytes(to, Math.max(0, end - to), scratch);
    }

    private long roundUp(long offset) {
        return (offset + layout.clusterBytes - 1) & -(long) layout.clusterBytes;
    }

    /** The raw data file must read as the disk does, whatever the L2 entries say. */
    private void zeroRaw(long offset, long lengthBytes, boolean mayUnmap) {
        image.enter();
        int ticket = image.inFlight.begin();
        image.exit();
        try {
            IoFailure.check(image.data().writeZeroes(offset, lengthBytes, mayUnmap));
        } finally {
            image.inFlight.end(ticket);
        }
    }

    /** Gives up storage of the raw data file; its clusters stay allocated. */
    private void punchRaw(long offset, long lengthBytes) {
        image.enter();
        int ticket = image.inFlight.begin();
        image.exit();
        try {
            image.data().punchHole(offset, lengthBytes);
        } finally {
            image.inFlight.end(ticket);
        }
    }

    /** Writes zeroes where the disk does not read as zeroes yet. */
    private void writeZeroBytes(long offset, long lengthBytes, Scratch scratch) {
        ScatterList source = new ScatterList();
        long done = 0;
        while (done < lengthBytes) {
            image.enter();
            boolean zero;
            long count;
            try {
                clusters.find(offset + done, lengthBytes - done, scratch.run);
                zero = clusters.zero(scratch.run, offset + done);
                count = scratch.run.lengthBytes;
            } finally {
                image.exit();
            }
            if (!zero) {
                count = Math.min(count, ZERO_BYTES);
                source.clear();
                source.add(zeroes, 0, count);
                writer.write(offset + done, source, scratch);
            }
            done += count;
        }
    }

    private void zeroClusters(long from, long to, Mode mode, Scratch scratch) {
        long guestCluster = from >>> layout.clusterBits;
        long end = to >>> layout.clusterBits;
        while (guestCluster < end) {
            int ticket;
            long done;
            image.enterToChange();
            try {
                done = changeEntries(guestCluster, end, mode, scratch);
                ticket = image.inFlight.begin();
            } finally {
                image.exit();
            }
            try {
                punch(scratch.run);
            } finally {
                image.inFlight.end(ticket);
            }
            guestCluster += done;
        }
    }

    private void punch(Run given) {
        if (given.lengthBytes > 0) {
            // No harm where it fails: the entries do not refer to these clusters any more.
            image.data().punchHole(given.hostOffset, given.lengthBytes);
        }
    }

    /**
     * Changes entries of one L2 table, until the host clusters that are given up do not follow each other any more.
     *
     * @return how many guest clusters are done; the host clusters to punch are in the scratch's run
     */
    private long changeEntries(long guestCluster, long end, Mode mode, Scratch scratch) {
        long busy;
        while ((busy = image.allocatingWrites.firstBusy(guestCluster, end)) == guestCluster) {
            image.inFlight.awaitChange();
            image.waitWhileExclusive();
        }
        int index = layout.l2Index(guestCluster);
        int count = (int) Math.min(busy - guestCluster, layout.l2Entries - index);
        Run given = scratch.run;
        given.lengthBytes = 0;
        boolean unallocatedIsZero = image.backing == null;
        if (image.l1.tableOffset(guestCluster) == 0 && (unallocatedIsZero || mode == Mode.DISCARD)) {
            return count;
        }
        CachedTable table = null;
        for (int i = 0; i < count; i++) {
            long old = entry(table, guestCluster + i);
            ClusterType type = clusters.checkedType(old, guestCluster + i);
            long entry = newEntry(type, old, mode);
            if (entry == old) {
                continue;
            }
            boolean dropped = (entry & Qcow2Format.OFFSET_MASK) == 0;
            long hostOffset = old & Qcow2Format.OFFSET_MASK;
            boolean punched = dropped
                    && (type == ClusterType.DATA || type == ClusterType.ZERO_ALLOCATED)
                    && (old & Qcow2Format.COPIED) != 0;
            if (punched && given.lengthBytes > 0 && given.hostOffset + given.lengthBytes != hostOffset) {
                return i;
            }
            if (punched && !image.externalData()) {
                image.checkData(hostOffset, layout.clusterBytes);
            }
            if (table == null) {
                table = image.l1.tableToChange(guestCluster);
            }
            table.set(index + i, entry);
            if (dropped) {
                clusters.drop(old);
            }
            if (punched) {
                given.hostOffset = given.lengthBytes == 0 ? hostOffset : given.hostOffset;
                given.lengthBytes += layout.clusterBytes;
            }
        }
        return count;
    }

    private long entry(@Nullable CachedTable changed, long guestCluster) {
        CachedTable table = changed == null ? image.l1.table(guestCluster) : changed;
        return table == null ? 0 : table.get(layout.l2Index(guestCluster));
    }

    private long newEntry(ClusterType type, long old, Mode mode) {
        boolean unallocatedIsZero = image.backing == null;
        if (type == ClusterType.UNALLOCATED) {
            return mode == Mode.DISCARD || unallocatedIsZero ? old : Qcow2Format.ZERO;
        }
        if (type == ClusterType.ZERO_PLAIN) {
            return old;
        }
        boolean keeps = mode == Mode.KEEP
                && image.header.version >= 3
                && type != ClusterType.COMPRESSED
                && (old & Qcow2Format.COPIED) != 0;
        if (keeps) {
            return old | Qcow2Format.ZERO;
        }
        return unallocatedIsZero ? 0 : Qcow2Format.ZERO;
    }
}

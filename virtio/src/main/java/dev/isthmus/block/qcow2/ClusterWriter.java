// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterView;

/**
 * Writes the disk. Any thread.
 *
 * <p>What may be written in place is. Elsewhere new clusters are taken, written with the new data and the old data
 * around it (copy-on-write), and only then put in the L2 table; until then the guest clusters are busy
 * ({@link AllocatingWrites}). A part of a new cluster that reads as zeroes, and where the file was never written, is
 * left out.
 */
final class ClusterWriter {
    private final ImageState image;
    private final ClusterLayout layout;
    private final ClusterMap clusters;
    private final ClusterReader reader;

    ClusterWriter(ImageState image, ClusterMap clusters, ClusterReader reader) {
        this.image = image;
        this.layout = image.layout;
        this.clusters = clusters;
        this.reader = reader;
    }

    /**
     * Writes a range.
     *
     * @throws IoFailure where that fails
     */
    void write(long offset, ScatterView source, Scratch scratch) {
        long total = source.totalBytes();
        long done = 0;
        while (done < total) {
            done += writeInPlace(offset + done, source, done, scratch);
            if (done < total) {
                done += writeNew(offset + done, source, done, scratch);
            }
        }
    }

    /** Writes what may be written in place, from an offset on; answers how much that was. */
    private long writeInPlace(long offset, ScatterView source, long from, Scratch scratch) {
        Run run = scratch.run;
        int ticket;
        image.enter();
        try {
            clusters.find(offset, source.totalBytes() - from, run);
            if (run.type != ClusterType.DATA || !run.copied) {
                return 0;
            }
            checkData(run);
            ticket = image.inFlight.begin();
        } finally {
            image.exit();
        }
        try {
            ScatterView data = source;
            if (run.lengthBytes != source.totalBytes()) {
                scratch.slice.clear();
                scratch.slice.addSlice(source, from, run.lengthBytes);
                data = scratch.slice;
            }
            IoFailure.check(image.data().write(run.hostOffset, data));
        } finally {
            image.inFlight.end(ticket);
        }
        return run.lengthBytes;
    }

    private void checkData(Run run) {
        if (!image.externalData()) {
            image.checkData(run.hostOffset, run.lengthBytes);
        }
    }

    /** Writes to new clusters, from an offset on; answers how much that was, 0 where that may now be written in place. */
    private long writeNew(long offset, ScatterView source, long from, Scratch scratch) {
        WritePiece piece = scratch.piece;
        image.enterToChange();
        try {
            if (!plan(offset, source.totalBytes() - from, piece, scratch)) {
                return 0;
            }
        } finally {
            image.exit();
        }
        boolean written = false;
        try {
            writePiece(offset, source, from, piece, scratch);
            written = true;
        } finally {
            image.lock.lock();
            try {
                finish(piece, scratch, written);
            } finally {
                image.lock.unlock();
                image.inFlight.end(piece.ticket);
            }
        }
        return piece.lengthBytes;
    }

    /** Finds out what to write where, and takes the clusters; answers false where that may be written in place. */
    private boolean plan(long offset, long maxBytes, WritePiece piece, Scratch scratch) {
        Run run = scratch.run;
        long first = offset >>> layout.clusterBits;
        long end = layout.clusters(offset + maxBytes);
        long busy;
        while ((busy = image.allocatingWrites.firstBusy(first, end)) == first) {
            image.inFlight.awaitChange();
            image.waitWhileExclusive();
        }
        long limit = Math.min(maxBytes, (busy << layout.clusterBits) - offset);
        clusters.find(offset, limit, run);
        if (run.type == ClusterType.DATA && run.copied) {
            return false;
        }
        CachedTable table = image.l1.tableToChange(first);
        int within = layout.withinCluster(offset);
        int wanted = (int) layout.clusters(Math.min(run.lengthBytes, limit) + within);
        piece.reuses = run.type == ClusterType.ZERO_ALLOCATED && run.copied;
        if (image.externalData()) {
            piece.hostOffset = first << layout.clusterBits;
            piece.count = wanted;
            piece.reuses = true;
        } else if (piece.reuses) {
            checkData(run);
            piece.hostOffset = run.hostOffset - within;
            piece.count = wanted;
        } else {
            wanted = needingNew(table, layout.l2Index(first), (int) Math.min(
                    layout.l2Entries - layout.l2Index(first), layout.clusters(limit + within)));
            image.writeBack.beforeAllocation();
            piece.hostOffset = image.allocator.allocate(wanted) << layout.clusterBits;
            piece.count = image.allocator.allocatedCount();
        }
        piece.firstCluster = first;
        long pieceBytes = (long) piece.count << layout.clusterBits;
        piece.lengthBytes = Math.min(limit, pieceBytes - within);
        piece.headBytes = within;
        piece.tailBytes = (int) (pieceBytes - within - piece.lengthBytes);
        piece.fresh = !piece.reuses && image.neverWritten(piece.hostOffset);
        image.noteHighWater(piece.hostOffset + pieceBytes);
        piece.headZero = within > 0 && readsZero(offset - within, within, run);
        piece.tailZero = piece.tailBytes > 0 && readsZero(offset + piece.lengthBytes, piece.tailBytes, run);
        image.allocatingWrites.begin(scratch.span, first, piece.count);
        piece.ticket = image.inFlight.begin();
        return true;
    }

    private boolean readsZero(long offset, long lengthBytes, Run run) {
        clusters.find(offset, lengthBytes, run);
        return clusters.zero(run, offset);
    }

    /** Returns how many entries of a table need new clusters, from an index on. */
    private int needingNew(CachedTable table, int index, int max) {
        int count = 1;
        while (count < max) {
            long entry = table.get(index + count);
            ClusterType type = layout.type(entry, false);
            boolean inPlace = (type == ClusterType.DATA || type == ClusterType.ZERO_ALLOCATED)
                    && (entry & Qcow2Format.COPIED) != 0;
            if (inPlace) {
                break;
            }
            count++;
        }
        return count;
    }

    private void writePiece(long offset, ScatterView source, long from, WritePiece piece, Scratch scratch) {
        long start = piece.hostOffset + piece.headBytes;
        scratch.transfer.clear();
        if (piece.headBytes > 0 && !(piece.fresh && piece.headZero)) {
            MemorySegment head = scratch.headBuffer();
            fill(head, offset - piece.headBytes, piece.headBytes, piece.headZero, scratch);
            scratch.transfer.add(head, 0, piece.headBytes);
            start = piece.hostOffset;
        }
        scratch.transfer.addSlice(source, from, piece.lengthBytes);
        if (piece.tailBytes > 0 && !(piece.fresh && piece.tailZero)) {
            MemorySegment tail = scratch.tailBuffer();
            fill(tail, offset + piece.lengthBytes, piece.tailBytes, piece.tailZero, scratch);
            scratch.transfer.add(tail, 0, piece.tailBytes);
        }
        IoFailure.check(image.data().write(start, scratch.transfer));
    }

    private void fill(MemorySegment buffer, long offset, int lengthBytes, boolean zero, Scratch scratch) {
        if (zero) {
            buffer.asSlice(0, lengthBytes).fill((byte) 0);
        } else {
            reader.readWithin(offset, buffer, lengthBytes, scratch.inner());
        }
    }

    /** Puts the new clusters in the L2 table, or gives them back. */
    private void finish(WritePiece piece, Scratch scratch, boolean written) {
        boolean linked = false;
        try {
            if (written && !image.broken) {
                link(piece);
                linked = true;
            }
        } finally {
            image.allocatingWrites.end(scratch.span);
            image.inFlight.wake();
            if (!linked && !piece.reuses) {
                image.allocator.freeNow(piece.hostOffset >>> layout.clusterBits, piece.count);
            }
        }
    }

    private void link(WritePiece piece) {
        CachedTable table = image.l1.tableToChange(piece.firstCluster);
        int index = layout.l2Index(piece.firstCluster);
        for (int i = 0; i < piece.count; i++) {
            long old = table.get(index + i);
            table.set(index + i, (piece.hostOffset + ((long) i << layout.clusterBits)) | Qcow2Format.COPIED);
            if (!piece.reuses) {
                clusters.drop(old);
            }
        }
    }

    /**
     * Writes a compressed cluster. The guest cluster must not be written by others at the same time.
     *
     * @param packed the compressed data
     * @return whether there was a place for it that an L2 entry can tell
     */
    boolean writePacked(long offset, MemorySegment packed, Scratch scratch) {
        long guestCluster = offset >>> layout.clusterBits;
        int packedBytes = (int) packed.byteSize();
        long hostOffset;
        int ticket;
        image.enterToChange();
        try {
            image.l1.tableToChange(guestCluster);
            image.writeBack.beforeAllocation();
            hostOffset = image.allocator.allocatePacked(packedBytes);
            image.noteHighWater(hostOffset + packedBytes);
            image.allocatingWrites.begin(scratch.span, guestCluster, 1);
            ticket = image.inFlight.begin();
        } finally {
            image.exit();
        }
        long entry = layout.compressedEntry(hostOffset, packedBytes);
        boolean written = false;
        boolean linked = false;
        try {
            if (entry != 0) {
                IoFailure.check(image.file.write(hostOffset, packed));
                written = true;
            }
        } finally {
            image.lock.lock();
            try {
                CachedTable table = written && !image.broken ? image.l1.table(guestCluster) : null;
                linked = linkPacked(table, layout.l2Index(guestCluster), entry);
            } finally {
                image.allocatingWrites.end(scratch.span);
                image.inFlight.wake();
                giveBackPacked(linked, hostOffset, packedBytes);
                image.lock.unlock();
                image.inFlight.end(ticket);
            }
        }
        return linked;
    }

    private void giveBackPacked(boolean linked, long hostOffset, int packedBytes) {
        if (!linked && !image.broken) {
            long first = hostOffset >>> layout.clusterBits;
            image.allocator.freeNow(first, layout.clusters(hostOffset + packedBytes) - first);
        }
    }

    private boolean linkPacked(@Nullable CachedTable table, int index, long entry) {
        if (table == null) {
            return false;
        }
        long old = table.get(index);
        table.set(index, entry);
        clusters.drop(old);
        return true;
    }
}

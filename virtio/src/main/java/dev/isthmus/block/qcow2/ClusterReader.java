// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.memory.ScatterView;

/** Reads the disk. Any thread; the metadata lock is taken for each piece and not held for its I/O. */
final class ClusterReader {
    private final ImageState image;
    private final ClusterMap clusters;
    private final @Nullable ClusterCodec zstd;

    ClusterReader(ImageState image, ClusterMap clusters, @Nullable ClusterCodec zstd) {
        this.image = image;
        this.clusters = clusters;
        this.zstd = zstd;
    }

    /**
     * Reads a range.
     *
     * @throws IoFailure where that fails
     */
    void read(long offset, ScatterView target, Scratch scratch) {
        long total = target.totalBytes();
        for (long done = 0; done < total; done += scratch.run.lengthBytes) {
            int ticket;
            image.enter();
            try {
                clusters.find(offset + done, total - done, scratch.run);
                ticket = image.inFlight.begin();
            } finally {
                image.exit();
            }
            try {
                transfer(offset + done, slice(target, done, scratch), scratch);
            } finally {
                image.inFlight.end(ticket);
            }
        }
    }

    /** Reads a range, as {@link #read}, within an operation that has begun and keeps the clusters where they are. */
    void readWithin(long offset, MemorySegment target, long lengthBytes, Scratch scratch) {
        for (long done = 0; done < lengthBytes; done += scratch.run.lengthBytes) {
            image.lock.lock();
            try {
                clusters.find(offset + done, lengthBytes - done, scratch.run);
            } finally {
                image.lock.unlock();
            }
            scratch.slice.clear();
            scratch.slice.add(target, done, scratch.run.lengthBytes);
            transfer(offset + done, scratch.slice, scratch);
        }
    }

    private static ScatterView slice(ScatterView target, long from, Scratch scratch) {
        if (scratch.run.lengthBytes == target.totalBytes()) {
            return target;
        }
        scratch.slice.clear();
        scratch.slice.addSlice(target, from, scratch.run.lengthBytes);
        return scratch.slice;
    }

    /** Reads a piece that has been found. */
    private void transfer(long offset, ScatterView target, Scratch scratch) {
        Run run = scratch.run;
        switch (run.type) {
            case DATA -> IoFailure.checkRead(image.data().read(run.hostOffset, target));
            case COMPRESSED -> readCompressed(image.layout.withinCluster(offset), target, scratch);
            case UNALLOCATED -> readBacking(offset, target, scratch);
            case ZERO_PLAIN, ZERO_ALLOCATED -> Bytes.zero(target, 0, target.totalBytes());
        }
    }

    private void readBacking(long offset, ScatterView target, Scratch scratch) {
        BlockBackend backing = image.backing;
        long total = target.totalBytes();
        long there = backing == null ? 0 : Math.clamp(backing.capacityBytes() - offset, 0, total);
        if (there == total && backing != null) {
            IoFailure.check(backing.read(offset, target));
            return;
        }
        Bytes.zero(target, there, total - there);
        if (there > 0 && backing != null) {
            scratch.transfer.clear();
            scratch.transfer.addSlice(target, 0, there);
            IoFailure.check(backing.read(offset, scratch.transfer));
        }
    }

    private void readCompressed(int within, ScatterView target, Scratch scratch) {
        ClusterLayout layout = image.layout;
        long offset = layout.compressedOffset(scratch.run.entry);
        int packedBytes = layout.compressedBytes(scratch.run.entry);
        MemorySegment packed = scratch.packedBuffer().asSlice(0, packedBytes);
        IoFailure.checkRead(image.file.read(offset, packed));
        MemorySegment cluster = scratch.headBuffer();
        boolean valid = image.header.compressionType == Qcow2Format.COMPRESSION_ZSTD
                ? zstd != null
                        && zstd.unpack(packed.asByteBuffer(), cluster.asByteBuffer())
                : inflate(packed, cluster, scratch.inflater());
        if (!valid) {
            image.faults.report("the compressed cluster at 0x" + Long.toHexString(offset) + " can't be unpacked");
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
        Bytes.copy(cluster, within, target, 0, target.totalBytes());
    }

    private static boolean inflate(MemorySegment packed, MemorySegment cluster, Inflater inflater) {
        inflater.setInput(packed.asByteBuffer());
        try {
            int done = inflater.inflate(cluster.asByteBuffer());
            return done == cluster.byteSize();
        } catch (DataFormatException e) {
            return false;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.Deflater;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ClusterCodec;
import dev.isthmus.memory.ScatterList;

/** Packs clusters and writes them. For filling images, not for guests. */
final class ClusterPacker {
    private final ImageState image;
    private final ClusterWriter writer;
    private final @Nullable ClusterCodec zstd;

    ClusterPacker(ImageState image, ClusterWriter writer, @Nullable ClusterCodec zstd) {
        this.image = image;
        this.writer = writer;
        this.zstd = zstd;
    }

    /** Writes a cluster, packed where that makes it smaller. */
    void write(long offset, MemorySegment data, Scratch scratch) {
        int clusterBytes = image.layout.clusterBytes;
        if (image.layout.withinCluster(offset) != 0 || data.byteSize() > clusterBytes) {
            throw new IllegalArgumentException("A compressed write must be of one cluster");
        }
        MemorySegment cluster = scratch.tailBuffer();
        MemorySegment.copy(data, 0, cluster, 0, data.byteSize());
        cluster.asSlice(data.byteSize()).fill((byte) 0);
        // One byte less than the cluster at most: what is not smaller is not worth it.
        ByteBuffer target = scratch.packedBuffer().asSlice(0, clusterBytes - 1L).asByteBuffer();
        boolean packed = image.header.compressionType == Qcow2Format.COMPRESSION_ZSTD
                ? zstd != null && zstd.pack(cluster.asByteBuffer(), target)
                : deflate(cluster, target);
        if (packed && writer.writePacked(offset, scratch.packedBuffer().asSlice(0, target.position()), scratch)) {
            return;
        }
        ScatterList source = new ScatterList();
        source.add(data, 0, data.byteSize());
        writer.write(offset, source, scratch);
    }

    private static boolean deflate(MemorySegment cluster, ByteBuffer target) {
        Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
        try {
            deflater.setInput(cluster.asByteBuffer());
            deflater.finish();
            deflater.deflate(target);
            return deflater.finished();
        } finally {
            deflater.end();
        }
    }
}

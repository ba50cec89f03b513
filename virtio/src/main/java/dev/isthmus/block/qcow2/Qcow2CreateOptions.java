// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.jspecify.annotations.Nullable;

/** How a new image is to be. Set what differs from QEMU's defaults, and give it to {@link Qcow2Creator}. Not thread-safe. */
public final class Qcow2CreateOptions {
    /** What of the disk gets its place in the file beforehand. */
    public enum Preallocation {
        /** Nothing. */
        OFF,
        /** All clusters have a place, which the file need not have storage for. */
        METADATA,
        /** As that, with storage reserved. */
        FALLOC,
        /** As that, with zeroes written. */
        FULL
    }

    long capacityBytes;
    int version = 3;
    int clusterBytes = 1 << 16;
    int refcountBits = 16;
    boolean lazyRefcounts;
    boolean zstd;
    @Nullable String backingName;
    @Nullable String backingFormat;
    @Nullable String dataFileName;
    boolean dataFileRaw;
    Preallocation preallocation = Preallocation.OFF;

    /**
     * Begins with the defaults: version 3, clusters of 64 KiB, refcounts of 16 bits.
     *
     * @param capacityBytes size of the disk; is rounded up to 512
     */
    public Qcow2CreateOptions(long capacityBytes) {
        this.capacityBytes = capacityBytes;
    }

    /** Sets the version: 2 ("0.10") or 3 ("1.1"). */
    public Qcow2CreateOptions version(int newVersion) {
        version = newVersion;
        return this;
    }

    /** Sets the size of a cluster: a power of 2 from 512 to 2 MiB. */
    public Qcow2CreateOptions clusterBytes(int newClusterBytes) {
        clusterBytes = newClusterBytes;
        return this;
    }

    /** Sets the width of a refcount: a power of 2 from 1 to 64. */
    public Qcow2CreateOptions refcountBits(int newRefcountBits) {
        refcountBits = newRefcountBits;
        return this;
    }

    /** Has refcounts written late. */
    public Qcow2CreateOptions lazyRefcounts(boolean lazy) {
        lazyRefcounts = lazy;
        return this;
    }

    /** Has compressed clusters be Zstandard's rather than deflate's. */
    public Qcow2CreateOptions zstd(boolean useZstd) {
        zstd = useZstd;
        return this;
    }

    /** Names the image that it is based on, and its format. */
    public Qcow2CreateOptions backing(String name, @Nullable String formatName) {
        backingName = name;
        backingFormat = formatName;
        return this;
    }

    /**
     * Names the file that the data is in.
     *
     * @param raw whether that file is to be the disk as it is
     */
    public Qcow2CreateOptions dataFile(String name, boolean raw) {
        dataFileName = name;
        dataFileRaw = raw;
        return this;
    }

    /** Sets what gets its place beforehand. */
    public Qcow2CreateOptions preallocation(Preallocation newPreallocation) {
        preallocation = newPreallocation;
        return this;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.Progress;
import dev.isthmus.memory.ScatterList;

/**
 * Makes images. A new one is a header, a refcount table and a refcount block, a cluster each; all else is done to it as
 * to any image: it grows to its size and is preallocated.
 */
public final class Qcow2Creator {
    private static final int TABLE_CLUSTER = 1;
    private static final int BLOCK_CLUSTER = 2;
    private static final int FIRST_CLUSTERS = 3;
    private static final int ZERO_BYTES = 1 << 20;

    /** What the host is asked to reserve at once. */
    private static final long RESERVED_BYTES = 1L << 30;

    private final ImageFile file;
    private final Qcow2CreateOptions options;
    private final Progress progress;

    private Qcow2Creator(ImageFile file, Qcow2CreateOptions options, Progress progress) {
        this.file = file;
        this.options = options;
        this.progress = progress;
    }

    /**
     * Makes an image.
     *
     * @param file what it held is lost; stays open
     * @param opener opens the data file, which must be there and writable; null where there is none
     * @throws ImageException where the options contradict each other, or the file can't have what was asked for
     * @throws ImageIoException where the host failed
     */
    public static void create(ImageFile file, Qcow2CreateOptions options, @Nullable ImageOpener opener) {
        create(file, options, opener, Progress.NONE);
    }

    /**
     * Makes an image, as the other method, and tells how far its preallocation is.
     *
     * @throws dev.isthmus.block.ImageCancelledException where the progress said so: the file holds no sound image then
     */
    public static void create(
            ImageFile file, Qcow2CreateOptions options, @Nullable ImageOpener opener, Progress progress) {
        new Qcow2Creator(file, options, progress).create(opener);
    }

    private void create(@Nullable ImageOpener opener) {
        long capacityBytes = checkedCapacity();
        checkOptions();
        try {
            writeEmpty();
            boolean openNow = options.dataFileName == null || opener != null;
            if (!openNow) {
                throw refused("its data file can't be opened", "Give what opens it.");
            }
            try (Qcow2Image image = Qcow2Image.open(
                    new BorrowedFile(file),
                    options.dataFileName == null ? null : new DataFileOnly(opener),
                    NoCodec.INSTANCE)) {
                // Nothing of the backing image lies beyond the end of an empty disk yet: it is to show through.
                new Resizer(image).firstSize(capacityBytes);
                preallocate(image);
                IoFailure.check(image.flush());
            }
        } catch (IoFailure e) {
            throw ImageIoException.of(e.status(), "make " + file.name());
        }
    }

    /** Opens the data file, and leaves a backing image alone. */
    private record DataFileOnly(@Nullable ImageOpener opener) implements ImageOpener {
        @Override
        public ImageFile openFile(String reference, boolean readOnly) {
            if (opener == null) {
                throw new ImageException("Can't open " + reference + ".", "");
            }
            return opener.openFile(reference, readOnly);
        }

        @Override
        public UnopenedBacking openBacking(String reference, @Nullable String formatName) {
            return new UnopenedBacking();
        }
    }

    private ImageException refused(String why, String remedy) {
        return new ImageException("Can't make " + file.name() + ": " + why + ".", remedy);
    }

    private long checkedCapacity() {
        long capacityBytes = options.capacityBytes;
        if (capacityBytes < 0 || capacityBytes > Long.MAX_VALUE - Qcow2Format.SECTOR_BYTES) {
            throw refused("its size is out of range", "Give a size from 0 on.");
        }
        return (capacityBytes + Qcow2Format.SECTOR_BYTES - 1) & -Qcow2Format.SECTOR_BYTES;
    }

    private void checkOptions() {
        int clusterBits = Integer.numberOfTrailingZeros(options.clusterBytes);
        if (Integer.bitCount(options.clusterBytes) != 1
                || clusterBits < Qcow2Format.MIN_CLUSTER_BITS
                || clusterBits > Qcow2Format.MAX_CLUSTER_BITS) {
            throw refused("its clusters can't have " + options.clusterBytes + " bytes", "Give a power of 2 from 512 to 2097152.");
        }
        if (Integer.bitCount(options.refcountBits) != 1 || options.refcountBits < 1 || options.refcountBits > 64) {
            throw refused("its refcounts can't have " + options.refcountBits + " bits", "Give a power of 2 from 1 to 64.");
        }
        if (options.version != 2 && options.version != 3) {
            throw refused("there is no version " + options.version, "Choose 2 or 3.");
        }
        boolean needsVersion3 =
                options.refcountBits != 16 || options.lazyRefcounts || options.zstd || options.dataFileName != null;
        if (options.version == 2 && needsVersion3) {
            throw refused("version 2 can't do what was asked for", "Choose version 3.");
        }
        if (options.dataFileRaw && options.backingName != null) {
            throw refused("a raw data file can't be based on another image", "Leave one of them out.");
        }
        if (options.preallocation != Qcow2CreateOptions.Preallocation.OFF && options.backingName != null) {
            throw refused("what is preallocated hides the backing image", "Leave one of them out.");
        }
        if (new ClusterLayout(clusterBits, 4).l1Entries(checkedCapacity()) * Qcow2Format.ENTRY_BYTES
                > Qcow2Format.MAX_L1_BYTES) {
            throw refused("its size is too large for its clusters", "Choose larger clusters.");
        }
    }

    /** Writes an image of a disk without a size. */
    private void writeEmpty() {
        Qcow2Header header = new Qcow2Header();
        header.version = options.version;
        header.clusterBits = Integer.numberOfTrailingZeros(options.clusterBytes);
        header.refcountOrder = Integer.numberOfTrailingZeros(options.refcountBits);
        header.refcountTableOffset = (long) TABLE_CLUSTER << header.clusterBits;
        header.refcountTableClusters = 1;
        header.compatibleFeatures = options.lazyRefcounts ? Qcow2Format.COMPAT_LAZY_REFCOUNTS : 0;
        if (options.zstd) {
            header.incompatibleFeatures |= Qcow2Format.INCOMPAT_COMPRESSION;
            header.compressionType = Qcow2Format.COMPRESSION_ZSTD;
        }
        if (options.dataFileName != null) {
            header.incompatibleFeatures |= Qcow2Format.INCOMPAT_DATA_FILE;
            header.dataFileName = options.dataFileName;
            header.autoclearFeatures = options.dataFileRaw ? Qcow2Format.AUTOCLEAR_DATA_FILE_RAW : 0;
        }
        header.backingName = options.backingName;
        header.backingFormat = options.backingFormat;
        byte[] first = header.encode(file.name());
        byte[] table = new byte[options.clusterBytes];
        MemorySegment.ofArray(table).set(Qcow2Format.U64, 0, (long) BLOCK_CLUSTER << header.clusterBits);
        byte[] block = new byte[options.clusterBytes];
        for (int i = 0; i < FIRST_CLUSTERS; i++) {
            RefcountWidth.set(MemorySegment.ofArray(block), i, header.refcountOrder, 1);
        }
        IoFailure.check(file.setSize(0));
        LongTables.write(file, (long) TABLE_CLUSTER << header.clusterBits, table);
        LongTables.write(file, (long) BLOCK_CLUSTER << header.clusterBits, block);
        IoFailure.check(file.flush());
        // The header last: half an image is none.
        LongTables.write(file, 0, first);
    }

    private void preallocate(Qcow2Image image) {
        // A raw data file must be the disk from its first byte on, so all of it has its place.
        if (options.preallocation == Qcow2CreateOptions.Preallocation.OFF && !options.dataFileRaw) {
            return;
        }
        ImageState state = image.state();
        long clusters = state.layout.clusters(state.capacityBytes);
        long done = 0;
        boolean onlyMetadata = options.preallocation != Qcow2CreateOptions.Preallocation.FULL
                && options.preallocation != Qcow2CreateOptions.Preallocation.FALLOC;
        while (done < clusters) {
            progress.step(onlyMetadata ? done << state.layout.clusterBits : 0, state.capacityBytes);
            done += preallocateSome(state, done, clusters - done);
        }
        if (options.dataFileRaw) {
            IoFailure.check(state.data().setSize(state.capacityBytes));
        }
        fill(state);
        progress.update(state.capacityBytes, state.capacityBytes);
    }

    /** Gives the first of some guest clusters their places; answers how many. */
    static long preallocateSome(ImageState state, long guestCluster, long wanted) {
        state.enterToChange();
        try {
            int index = state.layout.l2Index(guestCluster);
            int count = (int) Math.min(wanted, state.layout.l2Entries - index);
            CachedTable table = state.l1.tableToChange(guestCluster);
            state.writeBack.beforeAllocation();
            long first = guestCluster;
            if (!state.externalData()) {
                first = state.allocator.allocate(count);
                count = state.allocator.allocatedCount();
                zeroUsed(state, first << state.layout.clusterBits, (first + count) << state.layout.clusterBits);
                state.noteHighWater((first + count) << state.layout.clusterBits);
            }
            for (int i = 0; i < count; i++) {
                table.set(index + i, ((first + i) << state.layout.clusterBits) | Qcow2Format.COPIED);
            }
            return count;
        } finally {
            state.exit();
        }
    }

    /** Has host clusters that held something before, as a table that has moved did, read as zeroes. */
    private static void zeroUsed(ImageState state, long offset, long endOffset) {
        long usedEnd = Math.min(endOffset, state.highWaterBytes());
        if (offset < usedEnd) {
            IoFailure.check(state.file.writeZeroes(offset, usedEnd - offset, true));
        }
    }

    /** Sees to the storage of clusters that have their places. */
    private void fill(ImageState state) {
        ImageFile data = state.data();
        if (options.preallocation == Qcow2CreateOptions.Preallocation.FULL) {
            ScatterList zeroes = new ScatterList();
            MemorySegment buffer = state.arena.allocate(ZERO_BYTES);
            Run run = new Run();
            ClusterMap clusters = new ClusterMap(state);
            for (long offset = 0; offset < state.capacityBytes; offset += run.lengthBytes) {
                progress.step(offset, state.capacityBytes);
                find(state, clusters, offset, Math.min(ZERO_BYTES, state.capacityBytes - offset), run);
                zeroes.clear();
                zeroes.add(buffer, 0, run.lengthBytes);
                IoFailure.check(data.write(run.hostOffset, zeroes));
            }
        } else if (options.preallocation == Qcow2CreateOptions.Preallocation.FALLOC) {
            Run run = new Run();
            ClusterMap clusters = new ClusterMap(state);
            for (long offset = 0; offset < state.capacityBytes; offset += run.lengthBytes) {
                progress.step(offset, state.capacityBytes);
                find(state, clusters, offset, Math.min(RESERVED_BYTES, state.capacityBytes - offset), run);
                IoFailure.check(data.writeZeroes(run.hostOffset, run.lengthBytes, false));
            }
        } else if (!state.externalData() && state.capacityBytes > 0) {
            long end = state.highWaterBytes();
            if (data.sizeBytes() < end) {
                IoFailure.check(data.setSize(end));
            }
        }
    }

    private static void find(ImageState state, ClusterMap clusters, long offset, long maxBytes, Run run) {
        state.enter();
        try {
            clusters.find(offset, maxBytes, run);
            if (run.type != ClusterType.DATA) {
                throw IoFailure.of(BlockStatus.IO_ERROR);
            }
        } finally {
            state.exit();
        }
    }
}

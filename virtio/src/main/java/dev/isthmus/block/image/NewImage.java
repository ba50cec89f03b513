// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;
import dev.isthmus.block.qcow2.Qcow2Creator;

/**
 * An image that is being made: until {@link #keep}, closing it removes all files that were made for it, so that no half
 * of an image is left behind. One thread.
 */
public final class NewImage implements AutoCloseable {
    private static final int ZERO_BYTES = 1 << 20;

    /** What the host is asked to reserve at once. */
    private static final long RESERVED_BYTES = 1L << 30;

    private final WritableFolder folder;
    private final String name;
    private final ImageFormat format;
    private final List<String> made = new ArrayList<>();
    private boolean kept;

    private NewImage(WritableFolder folder, String name, ImageFormat format) {
        this.folder = folder;
        this.name = name;
        this.format = format;
    }

    /**
     * Makes a raw image.
     *
     * @param lengthBytes is rounded up to 512
     * @param preallocation whether it gets storage beforehand: not {@link Preallocation#METADATA}, of which it has none
     * @throws ImageException where there is a file of that name, or it can't be made
     * @throws ImageCancelledException where the progress said so
     */
    public static NewImage raw(
            WritableFolder folder, String name, long lengthBytes, Preallocation preallocation, Progress progress) {
        if (preallocation == Preallocation.METADATA) {
            throw new ImageException(
                    "Can't make " + name + ": raw images have no metadata to preallocate.",
                    "Choose off, falloc or full, or the format qcow2.");
        }
        if (lengthBytes < 0 || lengthBytes > Long.MAX_VALUE - 511) {
            throw new ImageException("Can't make " + name + ": its size is out of range.", "Give a size from 0 on.");
        }
        NewImage image = new NewImage(folder, name, ImageFormat.RAW);
        boolean done = false;
        try (ImageFile file = image.make(name)) {
            long roundedBytes = (lengthBytes + 511) & -512;
            ImageIoException.check(file.setSize(roundedBytes), "make " + name);
            if (roundedBytes > 0) {
                ImageIoException.check(preallocate(file, roundedBytes, preallocation, progress), "make " + name);
            }
            done = true;
            return image;
        } finally {
            if (!done) {
                image.close();
            }
        }
    }

    private static BlockStatus preallocate(
            ImageFile file, long lengthBytes, Preallocation preallocation, Progress progress) {
        if (preallocation == Preallocation.FALLOC) {
            for (long done = 0; done < lengthBytes; done += RESERVED_BYTES) {
                progress.step(done, lengthBytes);
                BlockStatus status = file.writeZeroes(done, Math.min(RESERVED_BYTES, lengthBytes - done), false);
                if (status != BlockStatus.OK) {
                    return status;
                }
            }
            progress.update(lengthBytes, lengthBytes);
            return BlockStatus.OK;
        }
        if (preallocation != Preallocation.FULL) {
            return BlockStatus.OK;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment zeroes = arena.allocate(ZERO_BYTES);
            for (long done = 0; done < lengthBytes; done += ZERO_BYTES) {
                progress.step(done, lengthBytes);
                BlockStatus status = file.write(done, zeroes.asSlice(0, Math.min(ZERO_BYTES, lengthBytes - done)));
                if (status != BlockStatus.OK) {
                    return status;
                }
            }
        }
        progress.update(lengthBytes, lengthBytes);
        return BlockStatus.OK;
    }

    /**
     * Makes a qcow2 image, and its data file where the options name one.
     *
     * @param dataFile the file that the data is to be in as the options have it, or null
     * @throws ImageException where there is a file of that name, or it can't be made so
     * @throws ImageCancelledException where the progress said so
     */
    public static NewImage qcow2(
            WritableFolder folder,
            String name,
            Qcow2CreateOptions options,
            @Nullable String dataFile,
            Progress progress) {
        NewImage image = new NewImage(folder, name, ImageFormat.QCOW2);
        boolean done = false;
        try (ImageFile file = image.make(name)) {
            if (dataFile != null) {
                image.make(folder.resolve(name, dataFile)).close();
            }
            Qcow2Creator.create(file, options, new DataFile(folder, name), progress);
            done = true;
            return image;
        } finally {
            if (!done) {
                image.close();
            }
        }
    }

    /** Opens the data file that was just made. */
    private record DataFile(WritableFolder folder, String name) implements ImageOpener {
        @Override
        public ImageFile openFile(String reference, boolean readOnly) {
            return folder.open(folder.resolve(name, reference), readOnly);
        }

        @Override
        public BlockBackend openBacking(String reference, @Nullable String formatName) {
            throw new ImageException("A base is not opened while an image is made.", "");
        }
    }

    private ImageFile make(String fileName) {
        ImageFile file = folder.create(fileName);
        made.add(fileName);
        return file;
    }

    /** Returns the file's name. */
    public String name() {
        return name;
    }

    /** Opens it, to be filled; nothing waits for the storage. */
    BlockBackend open(@Nullable ClusterCodec zstd) {
        return ImageChain.open(new UnflushedFolder(folder), name, format, false, zstd);
    }

    /**
     * Has the image stay.
     *
     * @throws ImageException where it can't take its place
     */
    public void keep() {
        // Its data file first: the image is of no use without it.
        for (String fileName : made.reversed()) {
            folder.keep(fileName);
        }
        kept = true;
    }

    @Override
    public void close() {
        if (!kept) {
            kept = true;
            for (String fileName : made) {
                folder.delete(fileName);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.Arena;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2Amender;
import dev.isthmus.block.qcow2.Qcow2Image;

/**
 * Moves contents between an image and what it is based on: down into the base (commit), or up out of a base that is to be
 * another one (rebase). Whenever it ends early, both images are sound and the disk reads as before.
 */
public final class ImageMerger {
    private static final int PIECE_BYTES = 2 << 20;

    /** As far as zeroes are looked for at once. */
    private static final long STEP_BYTES = 64 << 20;

    private ImageMerger() {}

    /**
     * Writes what an image has over its base into that one.
     *
     * @param top opened with a writable base ({@link ImageChain.Bases#WRITE})
     * @param empty whether the image is emptied afterwards
     * @return how many bytes were written to the base
     * @throws ImageException where it has no base, or that is too small and can't grow
     * @throws ImageIoException where the host failed
     * @throws ImageCancelledException where the progress said so
     */
    public static long commit(Qcow2Image top, String name, boolean empty, Progress progress) {
        BlockBackend base = top.base();
        if (base == null) {
            throw new ImageException(name + " is not based on another image, so there is nothing to commit to.", "");
        }
        String baseName = "the base of " + name;
        long capacityBytes = top.capacityBytes();
        if (base.capacityBytes() < capacityBytes) {
            ImageResizer.resize(base, baseName, capacityBytes);
        }
        long written = 0;
        try (Arena arena = Arena.ofConfined()) {
            CopyBuffer buffer = new CopyBuffer(arena, PIECE_BYTES);
            DiskExtent extent = new DiskExtent();
            for (long offset = 0; offset < capacityBytes; offset += extent.lengthBytes()) {
                progress.step(offset, capacityBytes);
                ImageIoException.check(top.find(offset, capacityBytes - offset, extent), "read " + name);
                if (extent.kind() == DiskExtent.Kind.BASE) {
                    continue;
                }
                if (extent.kind() == DiskExtent.Kind.ZERO) {
                    ImageIoException.check(
                            base.writeZeroes(offset, extent.lengthBytes(), true), "write " + baseName);
                } else {
                    extent.set(DiskExtent.Kind.DATA, Math.min(extent.lengthBytes(), PIECE_BYTES));
                    ImageIoException.check(buffer.read(top, offset, extent.lengthBytes()), "read " + name);
                    ImageIoException.check(buffer.write(base, offset, 0, extent.lengthBytes()), "write " + baseName);
                }
                written += extent.lengthBytes();
            }
        }
        // Before anything that is there now is given up above.
        ImageIoException.check(base.flush(), "write " + baseName);
        if (empty && top.info().dataFileName() == null) {
            ImageIoException.check(top.makeEmpty(), "empty " + name);
            ImageIoException.check(top.flush(), "empty " + name);
        }
        progress.update(capacityBytes, capacityBytes);
        return written;
    }

    /**
     * Has an image be based on another one, and the disk read as before.
     *
     * @param top opened with the old base, for writing
     * @param newBase what it is to be based on, which stays the caller's; null for nothing
     * @param newName the new base as the image is to have it, or null
     * @param newFormat the name of its format, or null
     * @return how many bytes were copied into the image
     * @throws ImageIoException where the host failed
     * @throws ImageCancelledException where the progress said so
     */
    public static long rebase(
            Qcow2Image top,
            String name,
            @Nullable BlockBackend newBase,
            @Nullable String newName,
            @Nullable String newFormat,
            Progress progress) {
        long capacityBytes = top.capacityBytes();
        long written = 0;
        try (Arena arena = Arena.ofConfined()) {
            CopyBuffer oldBytes = new CopyBuffer(arena, PIECE_BYTES);
            CopyBuffer newBytes = new CopyBuffer(arena, PIECE_BYTES);
            DiskExtent extent = new DiskExtent();
            DiskExtent scratch = new DiskExtent();
            for (long offset = 0; offset < capacityBytes; offset += extent.lengthBytes()) {
                progress.step(offset, capacityBytes);
                ImageIoException.check(top.find(offset, capacityBytes - offset, extent), "read " + name);
                extent.set(extent.kind(), Math.min(extent.lengthBytes(), STEP_BYTES));
                // Without a base, what is not there is said to be zero.
                boolean own = extent.kind() == DiskExtent.Kind.DATA
                        || (extent.kind() == DiskExtent.Kind.ZERO && top.base() != null);
                if (own || bothZero(top, newBase, offset, extent.lengthBytes(), scratch)) {
                    continue;
                }
                extent.set(extent.kind(), Math.min(extent.lengthBytes(), PIECE_BYTES));
                ImageIoException.check(oldBytes.read(top, offset, extent.lengthBytes()), "read " + name);
                if (newBase == null) {
                    newBytes.clear(extent.lengthBytes());
                } else {
                    ImageIoException.check(newBytes.read(newBase, offset, extent.lengthBytes()), "read the new base");
                }
                written += copyDifferent(top, name, offset, extent.lengthBytes(), oldBytes, newBytes);
            }
        }
        ImageIoException.check(top.flush(), "write " + name);
        Qcow2Amender.changeBacking(top, newName, newFormat);
        progress.update(capacityBytes, capacityBytes);
        return written;
    }

    private static boolean bothZero(
            Qcow2Image top, @Nullable BlockBackend newBase, long offset, long lengthBytes, DiskExtent scratch) {
        return DiskExtents.zero(top, offset, lengthBytes, scratch)
                && (newBase == null || DiskExtents.zero(newBase, offset, lengthBytes, scratch));
    }

    private static long copyDifferent(
            Qcow2Image top, String name, long offset, long lengthBytes, CopyBuffer oldBytes, CopyBuffer newBytes) {
        int clusterBytes = top.info().clusterBytes();
        long written = 0;
        for (long at = 0; at < lengthBytes; ) {
            // The first piece may begin, and the last one end, within a cluster.
            long end = Math.min(lengthBytes, ((offset + at) & -(long) clusterBytes) + clusterBytes - offset);
            if (!oldBytes.sameAs(newBytes, at, end - at)) {
                BlockStatus status = oldBytes.write(top, offset + at, at, end - at);
                ImageIoException.check(status, "write " + name);
                written += end - at;
            }
            at = end;
        }
        return written;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.DirectAccess;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageFile;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.IoUring;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * A request on its way through an {@link IoUringEngine}: one entry of the ring for each extent that it covers. Pooled.
 *
 * <p>Loop thread only.
 */
final class Flight {
    /** Pieces of memory of an entry at most. A request of more takes the way over the workers. */
    private static final int PIECES_MAX = IoVectors.MAX_CAPACITY;

    final ExtentList extents = new ExtentList();

    private final long userData;
    private @Nullable BlockRequest request;
    private @Nullable DirectAccess access;
    private boolean write;
    private boolean failed;
    private int entries;
    private int left;

    /** The pieces of all entries of more than one piece, one after the other; made when first needed. */
    private @Nullable IoVectors vectors;

    /** @param userData what completions of this flight carry in their high bits */
    Flight(long userData) {
        this.userData = userData;
    }

    long userData() {
        return userData;
    }

    void begin(BlockRequest newRequest, DirectAccess newAccess, boolean isWrite) {
        request = newRequest;
        access = newAccess;
        write = isWrite;
        failed = false;
        entries = 0;
        left = 0;
    }

    private BlockRequest request() {
        if (request == null) {
            throw new IllegalStateException("No request");
        }
        return request;
    }

    /** Counts the entries; tells whether the ring can do it. */
    boolean plan() {
        int count = 0;
        for (int i = 0; i < extents.count(); i++) {
            ImageFile file = extents.file(i);
            if (file == null) {
                continue;
            }
            if (!(file instanceof HostImageFile host)
                    || !host.takes(request().data(), extents.offsetBytes(i), extents.lengthBytes(i))) {
                return false;
            }
            count++;
        }
        entries = count;
        left = count;
        // Pieces that an extent's border divides are two.
        return request().data().count() + extents.count() <= PIECES_MAX;
    }

    int entries() {
        return entries;
    }

    /** Prepares the entries, and fills with zeroes what is read where there is no file. */
    void prepare(IoUring ring) {
        ScatterView data = request().data();
        if (vectors != null) {
            vectors.clear();
        }
        int piece = 0;
        long pieceOffset = 0;
        for (int i = 0; i < extents.count(); i++) {
            long lengthBytes = extents.lengthBytes(i);
            ImageFile file = extents.file(i);
            if (file != null && pieceOffset + lengthBytes <= data.lengthBytes(piece)) {
                prepareSingle(ring, (HostImageFile) file, i, data.segment(piece).address() + data.offset(piece) + pieceOffset);
                pieceOffset += lengthBytes;
            } else {
                int first = vectors == null ? 0 : vectors.count();
                long rest = lengthBytes;
                while (rest > 0) {
                    long chunk = Math.min(rest, data.lengthBytes(piece) - pieceOffset);
                    if (file == null) {
                        Scatters.zero(data.segment(piece), data.offset(piece) + pieceOffset, chunk);
                    } else {
                        vectors().add(data.segment(piece), data.offset(piece) + pieceOffset, chunk);
                    }
                    rest -= chunk;
                    pieceOffset += chunk;
                    if (pieceOffset == data.lengthBytes(piece)) {
                        piece++;
                        pieceOffset = 0;
                    }
                }
                if (file != null) {
                    prepareVectors(ring, (HostImageFile) file, i, first);
                }
                continue;
            }
            if (pieceOffset == data.lengthBytes(piece)) {
                piece++;
                pieceOffset = 0;
            }
        }
    }

    private IoVectors vectors() {
        if (vectors == null) {
            vectors = new IoVectors(PIECES_MAX);
        }
        return vectors;
    }

    private void prepareSingle(IoUring ring, HostImageFile file, int extent, long address) {
        int lengthBytes = (int) extents.lengthBytes(extent);
        long offset = extents.offsetBytes(extent);
        if (write) {
            ring.prepareWrite(
                    file.file().fd(), address, lengthBytes, offset, stableOn(file), userData | lengthBytes);
        } else {
            ring.prepareRead(file.file().fd(), address, lengthBytes, offset, userData | lengthBytes);
        }
    }

    private void prepareVectors(IoUring ring, HostImageFile file, int extent, int first) {
        IoVectors pieces = vectors();
        int lengthBytes = (int) extents.lengthBytes(extent);
        long offset = extents.offsetBytes(extent);
        int count = pieces.count() - first;
        if (write) {
            ring.prepareWritev(
                    file.file().fd(),
                    pieces.address(first),
                    count,
                    offset,
                    stableOn(file),
                    userData | lengthBytes);
        } else {
            ring.prepareReadv(file.file().fd(), pieces.address(first), count, offset, userData | lengthBytes);
        }
    }

    private boolean stableOn(HostImageFile file) {
        return request().stable() && file.keepsPromises();
    }

    /**
     * Takes note of a completion.
     *
     * @param result what the kernel says
     * @param expected what it says where all went well
     * @return whether it was the last
     */
    boolean completed(int result, int expected) {
        if (result != expected) {
            failed = true;
            if (result == -Errno.EIO && write) {
                tellFiles();
            }
        }
        left--;
        return left == 0;
    }

    /**
     * A write with RWF_DSYNC that fails may have taken the one report that there is of other writes' pages, as
     * fdatasync's does.
     */
    private void tellFiles() {
        for (int i = 0; i < extents.count(); i++) {
            if (extents.file(i) instanceof HostImageFile file && stableOn(file)) {
                file.stableWriteFailed();
            }
        }
    }

    boolean failed() {
        return failed;
    }

    /** Ends the flight; returns its request. */
    BlockRequest end() {
        BlockRequest ended = request();
        if (access != null) {
            access.unmap(write, extents);
        }
        return ended;
    }

    /** Forgets the request. */
    void clear() {
        request = null;
        access = null;
        extents.clear();
    }
}

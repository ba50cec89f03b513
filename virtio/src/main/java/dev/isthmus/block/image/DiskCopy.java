// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2Image;

/**
 * Copies a disk to a new one, which nobody else uses: what is known to be zero is not read, what turns out to be zero is
 * not written, and several pieces are on their way at a time.
 */
final class DiskCopy {
    /** What one thread copies at once: a multiple of every format's cluster. */
    private static final int PIECE_BYTES = 2 << 20;

    private static final int MIN_THREADS = 2;
    private static final int MAX_THREADS = 8;
    private static final long POLL_MILLIS = 100;

    private final BlockBackend source;
    private final String sourceName;
    private final BlockBackend target;
    private final String targetName;
    private final long totalBytes;

    /** What the target is based on: what is the same there is not copied. */
    private final @Nullable BlockBackend targetBase;

    /** The unit in which zeroes are looked for, and the target is written: a power of 2. */
    private final int granuleBytes;

    /** Zeroes are written, too. */
    private final boolean writeAll;

    private final boolean compress;

    /** Of the target; 512 where it has none. */
    private final int clusterBytes;

    private final AtomicLong doneBytes = new AtomicLong();
    private final Object lock = new Object();

    // Guarded by lock.
    private long position;
    private int running;
    private @Nullable Throwable failure;
    private boolean stopped;
    private final DiskExtent extent = new DiskExtent();

    /** A piece of the disk that one thread works on. */
    private static final class Piece {
        long offset;
        long lengthBytes;
        boolean zero;
    }

    /**
     * Plans a copy.
     *
     * @param target reads as zeroes, or as what it is based on
     * @param sparseBytes the smallest run of zeroes that is left out, a power of 2 from 512; 0 to write all
     * @param compress whether the target's clusters are to be packed; it is then a {@link Qcow2Image}
     */
    DiskCopy(
            BlockBackend source,
            String sourceName,
            BlockBackend target,
            String targetName,
            @Nullable BlockBackend targetBase,
            int sparseBytes,
            boolean compress) {
        this.source = source;
        this.sourceName = sourceName;
        this.target = target;
        this.targetName = targetName;
        this.targetBase = targetBase;
        this.totalBytes = source.capacityBytes();
        this.clusterBytes = target instanceof Qcow2Image image ? image.info().clusterBytes() : 512;
        this.granuleBytes = Math.min(PIECE_BYTES, Math.max(clusterBytes, sparseBytes));
        this.writeAll = sparseBytes == 0;
        this.compress = compress;
    }

    /**
     * Copies all.
     *
     * @throws ImageIoException where the host failed
     * @throws ImageCancelledException where the progress said so
     */
    void run(Progress progress) {
        int threads = Math.clamp(Runtime.getRuntime().availableProcessors(), MIN_THREADS, MAX_THREADS);
        List<Thread> workers = new ArrayList<>();
        boolean ended = false;
        try {
            for (int i = 0; i < threads; i++) {
                synchronized (lock) {
                    running++;
                }
                workers.add(Thread.ofPlatform().name("image-copy-" + i).daemon(true).start(this::work));
            }
            await(progress);
            ended = true;
        } finally {
            if (!ended) {
                stop();
            }
            join(workers);
        }
        Throwable thrown = failure();
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        progress.update(totalBytes, totalBytes);
    }

    private @Nullable Throwable failure() {
        synchronized (lock) {
            return failure;
        }
    }

    private void stop() {
        synchronized (lock) {
            stopped = true;
        }
    }

    private void await(Progress progress) {
        while (true) {
            synchronized (lock) {
                if (running == 0) {
                    return;
                }
                try {
                    lock.wait(POLL_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    stopped = true;
                    throw new ImageCancelledException();
                }
                if (running == 0) {
                    return;
                }
            }
            progress.update(doneBytes.get(), totalBytes);
            if (progress.cancelled()) {
                throw new ImageCancelledException();
            }
        }
    }

    private static void join(List<Thread> workers) {
        boolean interrupted = false;
        for (Thread worker : workers) {
            boolean joined = false;
            while (!joined) {
                try {
                    worker.join();
                    joined = true;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void work() {
        try (Arena arena = Arena.ofConfined()) {
            CopyBuffer buffer = new CopyBuffer(arena, PIECE_BYTES);
            CopyBuffer baseBuffer = targetBase == null ? buffer : new CopyBuffer(arena, PIECE_BYTES);
            Piece piece = new Piece();
            while (next(piece)) {
                copy(piece, buffer, baseBuffer);
                doneBytes.addAndGet(piece.lengthBytes);
            }
        } catch (Throwable thrown) {
            synchronized (lock) {
                if (failure == null) {
                    failure = thrown;
                }
                stopped = true;
            }
        } finally {
            synchronized (lock) {
                running--;
                lock.notifyAll();
            }
        }
    }

    /** Takes the next piece; answers false where there is none. Pieces begin at multiples of the granule. */
    private boolean next(Piece piece) {
        synchronized (lock) {
            if (stopped || position >= totalBytes) {
                return false;
            }
            long rest = totalBytes - position;
            ImageIoException.check(DiskExtents.find(source, position, rest, extent), "read " + sourceName);
            long whole = extent.lengthBytes() == rest ? rest : extent.lengthBytes() & -(long) granuleBytes;
            piece.zero = extent.kind() == DiskExtent.Kind.ZERO && whole > 0 && !writeAll;
            piece.offset = position;
            if (piece.zero && targetBase == null) {
                piece.lengthBytes = whole;
            } else {
                long pieceEnd = (position & -(long) PIECE_BYTES) + PIECE_BYTES;
                long extentEnd = position + (piece.zero ? whole : roundUp(extent.lengthBytes()));
                piece.lengthBytes = Math.min(Math.min(pieceEnd, extentEnd), totalBytes) - position;
            }
            position += piece.lengthBytes;
            return true;
        }
    }

    private long roundUp(long bytes) {
        return bytes > Long.MAX_VALUE - granuleBytes ? bytes : (bytes + granuleBytes - 1) & -(long) granuleBytes;
    }

    private void copy(Piece piece, CopyBuffer buffer, CopyBuffer baseBuffer) {
        BlockBackend base = targetBase;
        if (piece.zero) {
            if (base == null || DiskExtents.zero(base, piece.offset, piece.lengthBytes, new DiskExtent())) {
                return;
            }
            buffer.clear(piece.lengthBytes);
        } else {
            ImageIoException.check(buffer.read(source, piece.offset, piece.lengthBytes), "read " + sourceName);
        }
        if (base != null) {
            ImageIoException.check(
                    baseBuffer.read(base, piece.offset, piece.lengthBytes), "read what " + targetName + " is based on");
        }
        long done = 0;
        while (done < piece.lengthBytes) {
            Part part = part(buffer, baseBuffer, done, piece.lengthBytes);
            long end = done + granule(done, piece.lengthBytes);
            while (end < piece.lengthBytes && part(buffer, baseBuffer, end, piece.lengthBytes) == part) {
                end += granule(end, piece.lengthBytes);
            }
            write(part, piece.offset + done, buffer, done, end - done);
            done = end;
        }
    }

    private enum Part {
        SAME,
        ZERO,
        DATA
    }

    private long granule(long at, long lengthBytes) {
        return Math.min(granuleBytes, lengthBytes - at);
    }

    private Part part(CopyBuffer buffer, CopyBuffer baseBuffer, long at, long lengthBytes) {
        long count = granule(at, lengthBytes);
        if (targetBase != null && buffer.sameAs(baseBuffer, at, count)) {
            return Part.SAME;
        }
        if (writeAll || !buffer.zero(at, count)) {
            return Part.DATA;
        }
        return targetBase == null ? Part.SAME : Part.ZERO;
    }

    private void write(Part part, long diskOffset, CopyBuffer buffer, long offset, long lengthBytes) {
        BlockStatus status = switch (part) {
            case SAME -> BlockStatus.OK;
            case ZERO -> target.writeZeroes(diskOffset, lengthBytes, true);
            case DATA -> compress
                    ? writeCompressed(diskOffset, buffer, offset, lengthBytes)
                    : buffer.write(target, diskOffset, offset, lengthBytes);
        };
        ImageIoException.check(status, "write " + targetName);
    }

    private BlockStatus writeCompressed(long diskOffset, CopyBuffer buffer, long offset, long lengthBytes) {
        if (!(target instanceof Qcow2Image image)) {
            return BlockStatus.UNSUPPORTED;
        }
        for (long done = 0; done < lengthBytes; done += clusterBytes) {
            long count = Math.min(clusterBytes, lengthBytes - done);
            BlockStatus status = image.writeCompressed(diskOffset + done, buffer.slice(offset + done, count));
            if (status != BlockStatus.OK) {
                return status;
            }
        }
        return BlockStatus.OK;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantReadWriteLock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.linux.DirectAlignment;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * I/O past the host's page cache (O_DIRECT), where memory, offsets and lengths must be multiples of the storage's
 * blocks: decides what fits, and takes the rest through bounce buffers. A part of a block is written by reading the
 * block, changing it and writing it back, beside no other write through here.
 *
 * <p>An engine that writes to the file by itself writes whole blocks only. Where it writes to a block at the same time
 * as a part of it is written here, both were asked for at once and overlap; one of them may be lost in whole blocks.
 *
 * <p>Role DISK_WORKER, several at once.
 */
final class DirectIo implements AutoCloseable {
    private static final int SECTOR_BYTES = 512;

    /** The largest block that storage has; QEMU probes up to it as well. */
    private static final int BLOCK_BYTES_MAX = 4096;

    private final HostFile file;
    private final int memoryBytes;
    private final int blockBytes;
    private final BouncePool pool = new BouncePool();

    /** Writes of whole blocks share it, one that changes a part of a block has it alone. */
    private final ReentrantReadWriteLock blocks = new ReentrantReadWriteLock();

    private DirectIo(HostFile file, DirectAlignment alignment) {
        this.file = file;
        this.memoryBytes = alignment.memoryBytes();
        this.blockBytes = alignment.offsetBytes();
    }

    /**
     * Finds out what a file that was opened for direct I/O needs.
     *
     * @return null where the file has no direct I/O
     * @throws ErrnoException if the host fails
     */
    static @Nullable DirectIo of(HostFile file) {
        DirectAlignment told = DirectAlignment.of(file);
        if (told == null) {
            told = file.isBlockDevice()
                    ? new DirectAlignment(file.logicalBlockBytes(), file.logicalBlockBytes())
                    : probe(file);
        }
        return told.offsetBytes() == 0 ? null : new DirectIo(file, told);
    }

    /** As QEMU does: the smallest that a read works with. */
    private static DirectAlignment probe(HostFile file) {
        if (file.sizeBytes() == 0) {
            // There is nothing to read.
            return new DirectAlignment(BLOCK_BYTES_MAX, BLOCK_BYTES_MAX);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(2 * BLOCK_BYTES_MAX, BLOCK_BYTES_MAX);
            int offsetBytes = SECTOR_BYTES;
            while (offsetBytes < BLOCK_BYTES_MAX && !readable(file, memory.asSlice(0, offsetBytes))) {
                offsetBytes *= 2;
            }
            int addressBytes = SECTOR_BYTES;
            while (addressBytes < BLOCK_BYTES_MAX
                    && !readable(file, memory.asSlice(addressBytes, offsetBytes))) {
                addressBytes *= 2;
            }
            return new DirectAlignment(addressBytes, offsetBytes);
        }
    }

    private static boolean readable(HostFile file, MemorySegment target) {
        try {
            file.pread(target, 0);
            return true;
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EINVAL) {
                return false;
            }
            throw e;
        }
    }

    /** Returns the size of the blocks that are written as a whole. */
    int blockBytes() {
        return blockBytes;
    }

    /** Tells whether memory can be transferred at an offset as it is; so can any part of it that is whole blocks. */
    boolean fits(long offset, ScatterView view) {
        if (offset % blockBytes != 0) {
            return false;
        }
        for (int i = 0; i < view.count(); i++) {
            if (!fits(view.segment(i).address() + view.offset(i), view.lengthBytes(i))) {
                return false;
            }
        }
        return true;
    }

    boolean fits(long offset, MemorySegment memory) {
        return offset % blockBytes == 0 && fits(memory.address(), memory.byteSize());
    }

    private boolean fits(long address, long lengthBytes) {
        return address % memoryBytes == 0 && lengthBytes % blockBytes == 0;
    }

    /** Begins a write of whole blocks, which ends with {@link #endWrite}. */
    void beginWrite() {
        blocks.readLock().lock();
    }

    void endWrite() {
        blocks.readLock().unlock();
    }

    /** Reads a range through a buffer; answers how much there was, less than all where the file ends. */
    long read(long offset, ScatterView target) {
        long lengthBytes = target.totalBytes();
        MemorySegment buffer = pool.take();
        try {
            long done = 0;
            while (done < lengthBytes) {
                long position = offset + done;
                long start = position - position % blockBytes;
                long wanted = Math.min(lengthBytes - done, buffer.byteSize() - (position - start));
                long got = file.pread(buffer.asSlice(0, roundUp(position + wanted - start)), start);
                long useful = Math.min(got - (position - start), wanted);
                if (useful > 0) {
                    copy(buffer, position - start, target, done, useful, true);
                    done += useful;
                }
                if (useful < wanted) {
                    break;
                }
            }
            return done;
        } finally {
            pool.giveBack(buffer);
        }
    }

    /** Writes a range through a buffer. The file grows to the end of the last block. */
    void write(long offset, ScatterView source) {
        long end = offset + source.totalBytes();
        if (offset % blockBytes == 0 && end % blockBytes == 0) {
            beginWrite();
            try {
                writeBlocks(offset, source);
            } finally {
                endWrite();
            }
        } else {
            blocks.writeLock().lock();
            try {
                writeBlocks(offset, source);
            } finally {
                blocks.writeLock().unlock();
            }
        }
    }

    private void writeBlocks(long offset, ScatterView source) {
        long lengthBytes = source.totalBytes();
        MemorySegment buffer = pool.take();
        try {
            long done = 0;
            while (done < lengthBytes) {
                long position = offset + done;
                long start = position - position % blockBytes;
                long count = Math.min(lengthBytes - done, buffer.byteSize() - (position - start));
                long end = start + roundUp(position + count - start);
                if (position != start) {
                    readBlock(buffer, 0, start);
                }
                if (position + count != end && (end - start > blockBytes || position == start)) {
                    readBlock(buffer, end - blockBytes - start, end - blockBytes);
                }
                copy(buffer, position - start, source, done, count, false);
                file.pwrite(buffer.asSlice(0, end - start), start);
                done += count;
            }
        } finally {
            pool.giveBack(buffer);
        }
    }

    /** Reads the block that only a part of is written; what lies beyond the end of the file is zeroes. */
    private void readBlock(MemorySegment buffer, long bufferOffset, long start) {
        MemorySegment block = buffer.asSlice(bufferOffset, blockBytes);
        long got = file.pread(block, start);
        block.asSlice(got).fill((byte) 0);
    }

    private long roundUp(long lengthBytes) {
        return (lengthBytes + blockBytes - 1) / blockBytes * blockBytes;
    }

    /** Copies between a buffer and the bytes of a list from {@code skipBytes} on. */
    private static void copy(
            MemorySegment buffer, long bufferOffset, ScatterView view, long skipBytes, long lengthBytes, boolean toView) {
        long skip = skipBytes;
        long done = 0;
        for (int i = 0; done < lengthBytes; i++) {
            long elementBytes = view.lengthBytes(i);
            if (skip >= elementBytes) {
                skip -= elementBytes;
                continue;
            }
            long count = Math.min(lengthBytes - done, elementBytes - skip);
            MemorySegment memory = view.segment(i);
            long at = view.offset(i) + skip;
            if (toView) {
                MemorySegment.copy(buffer, bufferOffset + done, memory, at, count);
            } else {
                MemorySegment.copy(memory, at, buffer, bufferOffset + done, count);
            }
            done += count;
            skip = 0;
        }
    }

    /** Makes a list of one piece of memory. */
    static ScatterView viewOf(MemorySegment memory) {
        ScatterList list = new ScatterList();
        list.add(memory, 0, memory.byteSize());
        return list;
    }

    @Override
    public void close() {
        pool.close();
    }
}

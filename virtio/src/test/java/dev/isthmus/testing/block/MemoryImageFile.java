// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * An image file in memory that can fail on demand and remembers all that was done to it, so that a test can see what a
 * crash at any point would have left. Any thread, one operation at a time.
 */
public final class MemoryImageFile implements ImageFile {
    /** What changed the file: a write, a change of size, or a flush. */
    public enum Kind {
        /** {@link Change#bytes} were written at {@link Change#offset}. */
        WRITE,
        /** The size became {@link Change#offset}. */
        SIZE,
        /** All before is stable. */
        FLUSH
    }

    /** One change, in the order in which they were made. */
    public record Change(Kind kind, long offset, byte[] bytes) {}

    private final String name;
    private final boolean readOnly;
    private final List<Change> changes = new ArrayList<>();
    private byte[] bytes;
    private int operationsLeft = Integer.MAX_VALUE;
    private BlockStatus failure = BlockStatus.IO_ERROR;
    private long roomBytes = Integer.MAX_VALUE;

    /** Makes a file with contents. */
    public MemoryImageFile(String name, byte[] contents, boolean readOnly) {
        this.name = name;
        this.bytes = contents.clone();
        this.readOnly = readOnly;
    }

    /** Makes an empty, writable file. */
    public MemoryImageFile() {
        this("memory", new byte[0], false);
    }

    /** Has operations end like this from now on, after so many that still succeed. */
    public synchronized void failAfter(int operations, BlockStatus status) {
        operationsLeft = operations;
        failure = status;
    }

    /** Has all operations succeed again. */
    public synchronized void recover() {
        operationsLeft = Integer.MAX_VALUE;
    }

    /** Limits the file's size: what would pass it fails for lack of space. */
    public synchronized void limitTo(long maxBytes) {
        roomBytes = maxBytes;
    }

    /** Returns a copy of the contents. */
    public synchronized byte[] contents() {
        return bytes.clone();
    }

    /** Returns all changes so far. */
    public synchronized List<Change> changes() {
        return List.copyOf(changes);
    }

    /** Returns how many flushes came. */
    public synchronized long flushes() {
        return changes.stream().filter(change -> change.kind() == Kind.FLUSH).count();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public synchronized long sizeBytes() {
        return bytes.length;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public synchronized BlockStatus read(long offsetBytes, ScatterView target) {
        if (fails()) {
            return failure;
        }
        boolean whole = true;
        long position = offsetBytes;
        for (int i = 0; i < target.count(); i++) {
            MemorySegment piece = target.segment(i).asSlice(target.offset(i), target.lengthBytes(i));
            whole &= copyOut(position, piece);
            position += piece.byteSize();
        }
        return whole ? BlockStatus.OK : BlockStatus.OUT_OF_RANGE;
    }

    @Override
    public synchronized BlockStatus read(long offsetBytes, MemorySegment target) {
        if (fails()) {
            return failure;
        }
        return copyOut(offsetBytes, target) ? BlockStatus.OK : BlockStatus.OUT_OF_RANGE;
    }

    private boolean copyOut(long offset, MemorySegment target) {
        long there = Math.clamp(bytes.length - offset, 0, target.byteSize());
        MemorySegment.copy(MemorySegment.ofArray(bytes), Math.min(offset, bytes.length), target, 0, there);
        target.asSlice(there).fill((byte) 0);
        return there == target.byteSize();
    }

    @Override
    public synchronized BlockStatus write(long offsetBytes, ScatterView source) {
        byte[] joined = new byte[Math.toIntExact(source.totalBytes())];
        long position = 0;
        for (int i = 0; i < source.count(); i++) {
            MemorySegment.copy(
                    source.segment(i),
                    source.offset(i),
                    MemorySegment.ofArray(joined),
                    position,
                    source.lengthBytes(i));
            position += source.lengthBytes(i);
        }
        return write(offsetBytes, MemorySegment.ofArray(joined));
    }

    @Override
    public synchronized BlockStatus write(long offsetBytes, MemorySegment source) {
        if (readOnly) {
            return BlockStatus.READ_ONLY;
        }
        if (fails()) {
            return failure;
        }
        long end = offsetBytes + source.byteSize();
        if (end > roomBytes) {
            return BlockStatus.NO_SPACE;
        }
        if (end > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.toIntExact(end));
        }
        byte[] written = new byte[Math.toIntExact(source.byteSize())];
        MemorySegment.copy(source, 0, MemorySegment.ofArray(written), 0, written.length);
        System.arraycopy(written, 0, bytes, Math.toIntExact(offsetBytes), written.length);
        changes.add(new Change(Kind.WRITE, offsetBytes, written));
        return BlockStatus.OK;
    }

    @Override
    public synchronized BlockStatus flush() {
        if (fails()) {
            return failure;
        }
        changes.add(new Change(Kind.FLUSH, 0, new byte[0]));
        return BlockStatus.OK;
    }

    @Override
    public synchronized BlockStatus setSize(long sizeBytes) {
        if (readOnly) {
            return BlockStatus.READ_ONLY;
        }
        if (fails()) {
            return failure;
        }
        if (sizeBytes > roomBytes) {
            return BlockStatus.NO_SPACE;
        }
        bytes = Arrays.copyOf(bytes, Math.toIntExact(sizeBytes));
        changes.add(new Change(Kind.SIZE, sizeBytes, new byte[0]));
        return BlockStatus.OK;
    }

    @Override
    public synchronized BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        long end = Math.min(bytes.length, offsetBytes + lengthBytes);
        if (offsetBytes >= end) {
            return BlockStatus.OK;
        }
        return write(offsetBytes, MemorySegment.ofArray(new byte[Math.toIntExact(end - offsetBytes)]));
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        ScatterList zeroes = new ScatterList();
        zeroes.add(MemorySegment.ofArray(new byte[Math.toIntExact(lengthBytes)]), 0, lengthBytes);
        return write(offsetBytes, zeroes);
    }

    private boolean fails() {
        if (operationsLeft == 0) {
            return true;
        }
        operationsLeft--;
        return false;
    }

    @Override
    public void close() {}
}

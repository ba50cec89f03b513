// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterView;

/**
 * A disk in memory whose operations fail on demand. Any thread, one operation at a time.
 *
 * <p>What was written is volatile until a flush: {@link #stableBytes} tells what would survive a crash.
 */
public final class MemoryBlockBackend implements BlockBackend {
    private final byte[] bytes;
    private final byte[] stable;
    private final boolean readOnly;
    private final BlockGeometry geometry;
    private final AtomicInteger discards = new AtomicInteger();
    private final AtomicInteger unmaps = new AtomicInteger();
    private volatile boolean zeroing;
    private final AtomicInteger reads = new AtomicInteger();
    private final AtomicInteger writes = new AtomicInteger();
    private final AtomicInteger flushes = new AtomicInteger();
    private volatile long capacityBytes;
    private volatile BlockStatus outcome = BlockStatus.OK;
    private volatile @Nullable RuntimeException exception;

    /** Makes a zeroed disk. */
    public MemoryBlockBackend(int capacityBytes, boolean readOnly) {
        this(capacityBytes, readOnly, BlockGeometry.DEFAULT);
    }

    /** Makes a zeroed disk of other block sizes. */
    public MemoryBlockBackend(int capacityBytes, boolean readOnly, BlockGeometry geometry) {
        this.geometry = geometry;
        this.bytes = new byte[capacityBytes];
        this.stable = new byte[capacityBytes];
        this.readOnly = readOnly;
        this.capacityBytes = capacityBytes;
    }

    /** Makes a zeroed disk that can discard and write zeroes. */
    public static MemoryBlockBackend withZeroes(int capacityBytes) {
        MemoryBlockBackend disk = new MemoryBlockBackend(capacityBytes, false);
        disk.zeroing = true;
        return disk;
    }

    /** Has all operations from now on end like this, without doing anything unless it is OK. */
    public void failWith(BlockStatus status) {
        outcome = status;
    }

    /** Has all operations from now on throw this, or nothing where it is null. */
    public void throwing(@Nullable RuntimeException newException) {
        exception = newException;
    }

    /** Has the disk shrink, as a file does that somebody truncates. */
    public void shrinkTo(long newCapacityBytes) {
        capacityBytes = newCapacityBytes;
    }

    /** Has the disk grow again, up to the size that it was made with. */
    public void growTo(long newCapacityBytes) {
        capacityBytes = Math.min(newCapacityBytes, bytes.length);
    }

    /** Returns how many ranges were discarded. */
    public int discards() {
        return discards.get();
    }

    /** Returns how many ranges were zeroed that might be given up. */
    public int unmaps() {
        return unmaps.get();
    }

    /** Returns the contents; changes write through. */
    public byte[] bytes() {
        return bytes;
    }

    /** Returns the contents that a crash would leave. */
    public synchronized byte[] stableBytes() {
        return stable.clone();
    }

    /** Returns how many reads came. */
    public int reads() {
        return reads.get();
    }

    /** Returns how many writes came. */
    public int writes() {
        return writes.get();
    }

    /** Returns how many flushes came. */
    public int flushes() {
        return flushes.get();
    }

    @Override
    public long capacityBytes() {
        return capacityBytes;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public BlockGeometry geometry() {
        return geometry;
    }

    @Override
    public synchronized BlockStatus read(long offsetBytes, ScatterView target) {
        reads.incrementAndGet();
        BlockStatus status = check(offsetBytes, target.totalBytes());
        if (status != BlockStatus.OK) {
            return status;
        }
        MemorySegment disk = MemorySegment.ofArray(bytes);
        long position = offsetBytes;
        for (int i = 0; i < target.count(); i++) {
            MemorySegment.copy(disk, position, target.segment(i), target.offset(i), target.lengthBytes(i));
            position += target.lengthBytes(i);
        }
        return BlockStatus.OK;
    }

    @Override
    public synchronized BlockStatus write(long offsetBytes, ScatterView source) {
        writes.incrementAndGet();
        BlockStatus status = check(offsetBytes, source.totalBytes());
        if (status != BlockStatus.OK) {
            return status;
        }
        MemorySegment disk = MemorySegment.ofArray(bytes);
        long position = offsetBytes;
        for (int i = 0; i < source.count(); i++) {
            MemorySegment.copy(source.segment(i), source.offset(i), disk, position, source.lengthBytes(i));
            position += source.lengthBytes(i);
        }
        return BlockStatus.OK;
    }

    @Override
    public boolean canDiscard() {
        return zeroing;
    }

    /** Overwrites the range with 0xdd, to be seen. */
    @Override
    public synchronized BlockStatus discard(long offsetBytes, long lengthBytes) {
        return fill(offsetBytes, lengthBytes, discards, (byte) 0xdd);
    }

    @Override
    public boolean canWriteZeroes() {
        return zeroing;
    }

    @Override
    public synchronized BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        return fill(offsetBytes, lengthBytes, mayUnmap ? unmaps : writes, (byte) 0);
    }

    private BlockStatus fill(long offsetBytes, long lengthBytes, AtomicInteger counter, byte value) {
        if (!zeroing) {
            return BlockStatus.UNSUPPORTED;
        }
        counter.incrementAndGet();
        BlockStatus status = check(offsetBytes, lengthBytes);
        if (status == BlockStatus.OK) {
            Arrays.fill(bytes, (int) offsetBytes, (int) (offsetBytes + lengthBytes), value);
        }
        return status;
    }

    private BlockStatus check(long offsetBytes, long lengthBytes) {
        RuntimeException thrown = exception;
        if (thrown != null) {
            throw thrown;
        }
        if (outcome != BlockStatus.OK) {
            return outcome;
        }
        return offsetBytes > capacityBytes - lengthBytes ? BlockStatus.OUT_OF_RANGE : BlockStatus.OK;
    }

    @Override
    public synchronized BlockStatus flush() {
        flushes.incrementAndGet();
        BlockStatus status = check(0, 0);
        if (status == BlockStatus.OK) {
            System.arraycopy(bytes, 0, stable, 0, bytes.length);
        }
        return status;
    }

    @Override
    public void close() {}
}

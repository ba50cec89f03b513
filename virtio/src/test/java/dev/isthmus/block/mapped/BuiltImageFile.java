// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterView;

/**
 * An image file that a test puts together: as large as it likes, with memory only for what was set. Reads come from any
 * thread, several at once; it fails and shrinks on demand.
 */
public final class BuiltImageFile implements ImageFile {
    private static final int PAGE_BYTES = 4096;

    private final String name;
    private final Map<Long, byte[]> pages = new ConcurrentHashMap<>();
    private final AtomicLong reads = new AtomicLong();
    private volatile long sizeBytes;
    private volatile BlockStatus failure = BlockStatus.OK;
    private volatile boolean closed;

    /** Makes a file of zeroes. */
    public BuiltImageFile(String name, long sizeBytes) {
        this.name = name;
        this.sizeBytes = sizeBytes;
    }

    /** Sets bytes; extends the file where it ends before. */
    public BuiltImageFile put(long offset, byte... bytes) {
        for (int done = 0; done < bytes.length; ) {
            long at = offset + done;
            int within = (int) (at % PAGE_BYTES);
            int count = Math.min(bytes.length - done, PAGE_BYTES - within);
            System.arraycopy(bytes, done, page(at), within, count);
            done += count;
        }
        sizeBytes = Math.max(sizeBytes, offset + bytes.length);
        return this;
    }

    private byte[] page(long offset) {
        return pages.computeIfAbsent(offset / PAGE_BYTES, number -> new byte[PAGE_BYTES]);
    }

    /** Sets a little-endian value of 16 bits. */
    public BuiltImageFile put16(long offset, int value) {
        return put(offset, (byte) value, (byte) (value >> 8));
    }

    /** Sets a little-endian value of 32 bits. */
    public BuiltImageFile put32(long offset, long value) {
        return put(offset, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) value).array());
    }

    /** Sets a little-endian value of 64 bits. */
    public BuiltImageFile put64(long offset, long value) {
        return put(offset, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    }

    /** Returns some of the bytes. */
    public byte[] get(long offset, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        copyOut(offset, MemorySegment.ofArray(bytes));
        return bytes;
    }

    /** Cuts the file off, or extends it. */
    public void resize(long newSizeBytes) {
        sizeBytes = newSizeBytes;
    }

    /** Makes it usable again after it was closed. */
    public void reopen() {
        closed = false;
    }

    /** Has all reads end like this from now on. */
    public void failWith(BlockStatus status) {
        failure = status;
    }

    /** Returns how many reads there were. */
    public long reads() {
        return reads.get();
    }

    /** Tells whether it was closed. */
    public boolean isClosed() {
        return closed;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        BlockStatus status = BlockStatus.OK;
        long position = offsetBytes;
        for (int i = 0; i < target.count(); i++) {
            BlockStatus part = read(position, target.segment(i).asSlice(target.offset(i), target.lengthBytes(i)));
            status = part == BlockStatus.OK ? status : part;
            position += target.lengthBytes(i);
        }
        return status;
    }

    @Override
    public BlockStatus read(long offsetBytes, MemorySegment target) {
        if (offsetBytes < 0 || offsetBytes > Long.MAX_VALUE - target.byteSize()) {
            throw new IllegalArgumentException("A read at " + offsetBytes);
        }
        if (closed) {
            throw new IllegalStateException("Closed");
        }
        reads.incrementAndGet();
        if (failure != BlockStatus.OK) {
            return failure;
        }
        copyOut(offsetBytes, target);
        return offsetBytes + target.byteSize() <= sizeBytes ? BlockStatus.OK : BlockStatus.OUT_OF_RANGE;
    }

    private void copyOut(long offset, MemorySegment target) {
        long end = Math.min(offset + target.byteSize(), sizeBytes);
        target.fill((byte) 0);
        for (long at = offset; at < end; ) {
            int within = (int) (at % PAGE_BYTES);
            long count = Math.min(end - at, PAGE_BYTES - within);
            byte[] page = pages.get(at / PAGE_BYTES);
            if (page != null) {
                MemorySegment.copy(page, within, target, ValueLayout.JAVA_BYTE, at - offset, (int) count);
            }
            at += count;
        }
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        throw new IllegalStateException("Images are only read");
    }

    @Override
    public BlockStatus write(long offsetBytes, MemorySegment source) {
        throw new IllegalStateException("Images are only read");
    }

    @Override
    public BlockStatus flush() {
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus setSize(long newSizeBytes) {
        throw new IllegalStateException("Images are only read");
    }

    @Override
    public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        throw new IllegalStateException("Images are only read");
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        throw new IllegalStateException("Images are only read");
    }

    @Override
    public void close() {
        closed = true;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterView;

/**
 * An image file that is a real file, by plain Java: for tests that have other programs look at it. Any thread. Holes are
 * punched by writing zeroes, so that a hole in the wrong place shows.
 */
public final class ChannelImageFile implements ImageFile {
    private final Path path;
    private final boolean readOnly;
    private final FileChannel channel;

    /** Opens a file, which is made if it is to be written and not there. */
    public ChannelImageFile(Path path, boolean readOnly) {
        this.path = path;
        this.readOnly = readOnly;
        try {
            this.channel = readOnly
                    ? FileChannel.open(path, StandardOpenOption.READ)
                    : FileChannel.open(
                            path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String name() {
        return path.toString();
    }

    @Override
    public long sizeBytes() {
        try {
            return channel.size();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tells whether it has not been closed. */
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        BlockStatus status = BlockStatus.OK;
        long position = offsetBytes;
        for (int i = 0; i < target.count(); i++) {
            BlockStatus piece = read(position, target.segment(i).asSlice(target.offset(i), target.lengthBytes(i)));
            status = piece == BlockStatus.OK ? status : piece;
            position += target.lengthBytes(i);
        }
        return status;
    }

    @Override
    public BlockStatus read(long offsetBytes, MemorySegment target) {
        try {
            ByteBuffer buffer = target.asByteBuffer();
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, offsetBytes + buffer.position()) < 0) {
                    target.asSlice(buffer.position()).fill((byte) 0);
                    return BlockStatus.OUT_OF_RANGE;
                }
            }
            return BlockStatus.OK;
        } catch (IOException e) {
            return BlockStatus.IO_ERROR;
        }
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        long position = offsetBytes;
        for (int i = 0; i < source.count(); i++) {
            BlockStatus status = write(position, source.segment(i).asSlice(source.offset(i), source.lengthBytes(i)));
            if (status != BlockStatus.OK) {
                return status;
            }
            position += source.lengthBytes(i);
        }
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus write(long offsetBytes, MemorySegment source) {
        if (readOnly) {
            return BlockStatus.READ_ONLY;
        }
        try {
            ByteBuffer buffer = source.asByteBuffer();
            while (buffer.hasRemaining()) {
                channel.write(buffer, offsetBytes + buffer.position());
            }
            return BlockStatus.OK;
        } catch (IOException e) {
            return BlockStatus.IO_ERROR;
        }
    }

    @Override
    public BlockStatus flush() {
        // Nothing crashes in these tests, and a flush of the host's disk takes its time.
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus setSize(long sizeBytes) {
        try {
            long old = channel.size();
            if (sizeBytes < old) {
                channel.truncate(sizeBytes);
            } else if (sizeBytes > old) {
                channel.write(ByteBuffer.allocate(1), sizeBytes - 1);
            }
            return BlockStatus.OK;
        } catch (IOException e) {
            return BlockStatus.IO_ERROR;
        }
    }

    @Override
    public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        long end = Math.min(sizeBytes(), offsetBytes + lengthBytes);
        return offsetBytes >= end ? BlockStatus.OK : writeZeroes(offsetBytes, end - offsetBytes, true);
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        MemorySegment zeroes = MemorySegment.ofArray(new byte[(int) Math.min(lengthBytes, 1 << 20)]);
        for (long done = 0; done < lengthBytes; ) {
            long count = Math.min(zeroes.byteSize(), lengthBytes - done);
            BlockStatus status = write(offsetBytes + done, zeroes.asSlice(0, count));
            if (status != BlockStatus.OK) {
                return status;
            }
            done += count;
        }
        return BlockStatus.OK;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

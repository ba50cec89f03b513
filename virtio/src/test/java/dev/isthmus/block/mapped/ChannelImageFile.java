// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

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

/** A real file, for reading, without native code. Any thread, several at once. */
public final class ChannelImageFile implements ImageFile {
    private final Path path;
    private final FileChannel channel;

    /** Opens a file. */
    public ChannelImageFile(Path path) {
        this.path = path;
        try {
            this.channel = FileChannel.open(path, StandardOpenOption.READ);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String name() {
        return path.getFileName().toString();
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
        ByteBuffer buffer = target.asByteBuffer();
        try {
            while (buffer.hasRemaining()) {
                int count = channel.read(buffer, offsetBytes + buffer.position());
                if (count < 0) {
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
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus write(long offsetBytes, MemorySegment source) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus flush() {
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus setSize(long sizeBytes) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        return BlockStatus.READ_ONLY;
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

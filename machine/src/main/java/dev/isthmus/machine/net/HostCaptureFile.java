// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

import dev.isthmus.machine.VmException;
import dev.isthmus.virtio.net.CaptureFile;

/** A file of the host that gets a capture of packets, through the page cache. One thread at a time. */
public final class HostCaptureFile implements CaptureFile, AutoCloseable {
    private final FileChannel channel;

    private HostCaptureFile(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Makes a file, in the place of an existing one.
     *
     * @throws VmException.Configuration if it can't be written, or exists and is no regular file: others could keep the
     *     machine waiting
     */
    public static HostCaptureFile create(Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new VmException.Configuration(
                    "Can't capture packets to " + path + ": it is no regular file.", "Name a file, or one that is not there yet.");
        }
        try {
            return new HostCaptureFile(FileChannel.open(
                    path,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE));
        } catch (NoSuchFileException e) {
            throw new VmException.Configuration(
                    "Can't capture packets to " + path + ": its folder does not exist.", "Make the folder, or name another.", e);
        } catch (AccessDeniedException e) {
            throw new VmException.Configuration(
                    "No permission to write the capture " + path + ".", "Name a file that this user may write.", e);
        } catch (IOException e) {
            throw new VmException.HostFault(
                    "Can't capture packets to " + path + ": " + e.getMessage() + ".", "Name another file.", e);
        }
    }

    @Override
    public void append(MemorySegment bytes, long lengthBytes) throws IOException {
        long before = channel.position();
        ByteBuffer rest = bytes.asSlice(0, lengthBytes).asByteBuffer();
        try {
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        } catch (IOException e) {
            // Readers stop at a block that is cut off.
            channel.truncate(before);
            throw e;
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing is kept back in a channel: what there was to write has been written.
        }
    }
}

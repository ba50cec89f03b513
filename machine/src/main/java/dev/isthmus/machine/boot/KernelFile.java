// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.VmException;
import dev.isthmus.memory.GuestMemory;

/**
 * A kernel or initrd file, open for reading. Contents are read, never mapped: a mapped file that somebody truncates
 * would kill the process with SIGBUS. One thread at a time.
 */
final class KernelFile implements ImageSource {
    /** Largest single read into guest RAM: a ByteBuffer ends at 2 GiB. */
    private static final long COPY_BYTES = 1L << 30;

    /** Largest single read into an array: the JDK copies through a buffer of that size and keeps it. */
    private static final int READ_BYTES = 128 << 10;

    private final Path path;
    private final long sizeBytes;
    private FileChannel channel;

    private KernelFile(Path path, long sizeBytes, FileChannel channel) {
        this.path = path;
        this.sizeBytes = sizeBytes;
        this.channel = channel;
    }

    /**
     * Opens a file.
     *
     * @param role what the file is to be, for messages: "kernel", "initrd"
     * @throws VmException.Configuration if there is none, it is empty or can't be read
     */
    static KernelFile open(Path path, String role) {
        try {
            // Looked at before it is opened: opening a FIFO would wait for a writer.
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (attributes.isDirectory()) {
                throw refuse(path, "is a directory", "Name the " + role + "'s file.");
            }
            if (!attributes.isRegularFile()) {
                throw refuse(path, "is not a regular file", "Copy the " + role + " into a file and name that.");
            }
            if (attributes.size() == 0) {
                throw refuse(path, "is empty", "Name a file that holds a " + role + ".");
            }
            return new KernelFile(path, attributes.size(), FileChannel.open(path, StandardOpenOption.READ));
        } catch (NoSuchFileException e) {
            throw new VmException.Configuration(
                    path + ": there is no such " + role + " file", "Check the path for typing errors.", e);
        } catch (AccessDeniedException e) {
            throw new VmException.Configuration(
                    path + ": no permission to read the " + role, "Make the file readable for this user.", e);
        } catch (IOException e) {
            throw new VmException.Configuration(
                    path + ": can't open the " + role + ": " + e.getMessage(), "Check the path and its disk.", e);
        }
    }

    private static VmException.Configuration refuse(Path path, String cause, String remedy) {
        return new VmException.Configuration(path + ": " + cause, remedy);
    }

    @Override
    public String name() {
        return path.toString();
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public void read(long offset, byte[] target, int targetOffset, int lengthBytes) {
        int done = 0;
        while (done < lengthBytes) {
            int piece = Math.min(READ_BYTES, lengthBytes - done);
            readFully(ByteBuffer.wrap(target, targetOffset + done, piece), offset + done);
            done += piece;
        }
    }

    @Override
    public void copyTo(GuestMemory memory, long gpa, long offset, long lengthBytes) {
        MemorySegment target = memory.slice(gpa, lengthBytes);
        long done = 0;
        while (done < lengthBytes) {
            long piece = Math.min(COPY_BYTES, lengthBytes - done);
            readFully(target.asSlice(done, piece).asByteBuffer(), offset + done);
            done += piece;
        }
    }

    private void readFully(ByteBuffer buffer, long offset) {
        long position = offset;
        boolean interrupted = false;
        try {
            while (buffer.hasRemaining()) {
                try {
                    int count = channel.read(buffer, position);
                    if (count < 0) {
                        throw changed("has become shorter while it was in use", null);
                    }
                    position += count;
                } catch (ClosedByInterruptException e) {
                    // A read under interrupt closes the channel; the kernel must stay good for later resets.
                    interrupted |= Thread.interrupted();
                    reopen();
                }
            }
        } catch (IOException e) {
            throw changed("can't be read: " + e.getMessage(), e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void reopen() throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.READ);
        if (channel.size() != sizeBytes) {
            throw changed("was replaced while it was in use", null);
        }
    }

    private VmException.HostFault changed(String cause, @Nullable Throwable reason) {
        return new VmException.HostFault(
                path + ": " + cause, "Keep the file and its disk as they are while the VM runs.", reason);
    }

    /** Closes the file. Idempotent. */
    void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing was written, so nothing can be lost.
        }
    }
}

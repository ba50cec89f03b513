// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.nio.file.Path;

import dev.isthmus.device.FaultLog;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.HostMapping;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.memory.MemoryRegion;

/**
 * An image file as memory that a guest can have.
 *
 * <p>Guests want such memory in units of 2 MiB. An image that is only read is followed by zeroes up to the next multiple;
 * one that is written must be a multiple, because what the guest wrote behind the file's end would be lost.
 *
 * <p>The file must keep its size as long as it is mapped, as images of disks must: the guest's access to what is cut off
 * ends the machine. It is locked as they are.
 *
 * <p>{@link #flush} is for a worker, the rest for any thread. {@link #close} comes last: neither KVM nor a device may use
 * the memory any more.
 */
public final class ImageMapping implements AutoCloseable {
    /** Sizes are multiples of this. */
    public static final long ALIGNMENT_BYTES = 2 << 20;

    private final HostFile file;
    private final HostMapping mapping;
    private final boolean readOnly;
    private final FaultLog faults;

    private ImageMapping(HostFile file, HostMapping mapping, boolean readOnly, FaultLog faults) {
        this.file = file;
        this.mapping = mapping;
        this.readOnly = readOnly;
        this.faults = faults;
    }

    /**
     * Opens and maps an image.
     *
     * @param path a regular file or block device, not empty
     * @param readOnly whether the guest may not write
     * @param locking whether it is locked as QEMU locks images
     * @param name what log messages call it
     * @throws VmException.Configuration if it can't be opened, is something else, or has a size that can't be mapped
     * @throws VmException.HostFault if the host can't map it
     */
    public static ImageMapping open(Path path, boolean readOnly, ImageLocking locking, String name) {
        HostFile file;
        try {
            file = HostFile.open(path.toString(), readOnly ? HostFile.O_RDONLY : HostFile.O_RDWR, 0);
        } catch (ErrnoException e) {
            throw new VmException.Configuration(
                    "Can't open " + path + ": " + e.getMessage() + ".", "Name an image that you may use.", e);
        }
        HostMapping mapping = null;
        try {
            checkKind(file, path);
            if (locking == ImageLocking.AUTO) {
                ImageLock.take(file, readOnly);
            }
            long fileBytes = file.sizeBytes();
            checkSize(path, fileBytes, readOnly);
            mapping = map(file, fileBytes, readOnly);
            return new ImageMapping(file, mapping, readOnly, new FaultLog(name));
        } catch (ErrnoException e) {
            throw HostFaults.of("Can't map " + path, e);
        } finally {
            if (mapping == null) {
                file.close();
            }
        }
    }

    private static void checkKind(HostFile file, Path path) {
        if (!file.isRegularFile() && !file.isBlockDevice()) {
            throw new VmException.Configuration(
                    path + " is neither a file nor a block device.", "Name an image file.");
        }
    }

    private static void checkSize(Path path, long fileBytes, boolean readOnly) {
        if (fileBytes == 0 || fileBytes > Long.MAX_VALUE - ALIGNMENT_BYTES) {
            throw new VmException.Configuration(
                    path + " has " + fileBytes + " bytes, which can't be mapped.", "Name an image with contents.");
        }
        if (!readOnly && fileBytes % ALIGNMENT_BYTES != 0) {
            throw new VmException.Configuration(
                    path + " has " + fileBytes + " bytes; to be written as memory, it needs a multiple of 2 MiB.",
                    "Extend it (truncate -s %2M FILE), or use it read-only.");
        }
    }

    private static HostMapping map(HostFile file, long fileBytes, boolean readOnly) {
        if (!readOnly) {
            return HostMapping.shared(file.fd(), 0, fileBytes);
        }
        long lengthBytes = (fileBytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        return HostMapping.readOnlyPadded(file.fd(), fileBytes, lengthBytes);
    }

    /** Returns how much memory it is: the file's size, rounded up to {@link #ALIGNMENT_BYTES}. */
    public long sizeBytes() {
        return mapping.lengthBytes();
    }

    /** Tells whether the memory can't be written; KVM has to be told so, too. */
    public boolean readOnly() {
        return readOnly;
    }

    /**
     * Returns the memory at a guest address. Accesses of the JVM to memory that is read-only throw.
     *
     * @param startGpa a multiple of {@link #ALIGNMENT_BYTES}
     */
    public MemoryRegion region(long startGpa) {
        return new MemoryRegion(startGpa, mapping.segment());
    }

    /**
     * Waits until what was written to the memory would survive a power failure. A worker.
     *
     * @return whether it would; where not, that was logged
     */
    public boolean flush() {
        if (readOnly) {
            return true;
        }
        try {
            // Finds pages that were written through mappings as well.
            file.fdatasync();
            return true;
        } catch (ErrnoException e) {
            faults.report("flush failed: " + e.getMessage());
            return false;
        }
    }

    /** Unmaps the memory and closes the file. Idempotent. */
    @Override
    public void close() {
        mapping.close();
        file.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.block.ImageLocking;

/**
 * A disk of the guest.
 *
 * @param path the image file or block device
 * @param format how the image is stored: {@code raw}, {@code qcow2}, {@code vmdk}, {@code vdi} or {@code vhdx}, or
 *     {@link #AUTO}. All but the first two can only be read.
 * @param readOnly the guest can't write; the file need not be writable then
 * @param id a name for logs and errors, or null for one by position
 * @param serial the disk's serial number as the guest sees it, up to 20 characters, or null for none
 * @param engine who does the I/O
 * @param queues number of request queues, 1 to 64, or {@link #QUEUES_BY_CPUS}
 * @param locking whether its files are locked against other processes, in QEMU's way
 */
public record DiskConfig(
        Path path,
        String format,
        boolean readOnly,
        @Nullable String id,
        @Nullable String serial,
        DiskEngine engine,
        int queues,
        ImageLocking locking) {
    /**
     * {@link #format}: what the first bytes of the file say. Where they say nothing it is taken for raw, and the guest can
     * then not write to it what would make it look like another format.
     */
    public static final String AUTO = "auto";

    /** What {@link #format} may be, as a sentence for messages. */
    public static final String KNOWN_FORMATS = "Known formats: raw, qcow2, vmdk, vdi, vhdx.";

    /** {@link #queues}: one for each vCPU, up to {@link #QUEUES_DEFAULT_MAX}. */
    public static final int QUEUES_BY_CPUS = 0;

    /** Most queues that nobody asked for: with the most disks, all their notifications still get an ioeventfd of KVM's. */
    public static final int QUEUES_DEFAULT_MAX = 16;

    /** Makes a disk with {@link #QUEUES_BY_CPUS} and I/O by threads. */
    public DiskConfig(Path path, String format, boolean readOnly, @Nullable String id, @Nullable String serial) {
        this(path, format, readOnly, id, serial, DiskEngine.THREADS, QUEUES_BY_CPUS, ImageLocking.AUTO);
    }

    /** Makes a writable raw disk. */
    public static DiskConfig raw(Path path) {
        return new DiskConfig(path, "raw", false, null, null);
    }

    /** Makes a writable disk whose format is found out ({@link #AUTO}). */
    public static DiskConfig of(Path path) {
        return new DiskConfig(path, AUTO, false, null, null);
    }

    /** Returns the same disk with another engine. */
    public DiskConfig withEngine(DiskEngine newEngine) {
        return new DiskConfig(path, format, readOnly, id, serial, newEngine, queues, locking);
    }

    /** Returns the same disk with another number of queues. */
    public DiskConfig withQueues(int newQueues) {
        return new DiskConfig(path, format, readOnly, id, serial, engine, newQueues, locking);
    }

    /** Returns the same disk with another {@link #locking}. */
    public DiskConfig withLocking(ImageLocking newLocking) {
        return new DiskConfig(path, format, readOnly, id, serial, engine, queues, newLocking);
    }

    /** Returns how many queues the disk has in a machine of some vCPUs. */
    public int queues(int cpus) {
        return queues == QUEUES_BY_CPUS ? Math.min(cpus, QUEUES_DEFAULT_MAX) : queues;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/**
 * A disk of the guest.
 *
 * @param path the image file or block device
 * @param format how the image is stored: {@code raw}
 * @param readOnly the guest can't write; the file need not be writable then
 * @param id a name for logs and errors, or null for one by position
 * @param serial the disk's serial number as the guest sees it, up to 20 characters, or null for none
 * @param engine who does the I/O
 * @param queues number of request queues, 1 to 64, or {@link #QUEUES_BY_CPUS}
 * @param packed whether the guest may choose packed queues
 */
public record DiskConfig(
        Path path,
        String format,
        boolean readOnly,
        @Nullable String id,
        @Nullable String serial,
        DiskEngine engine,
        int queues,
        boolean packed) {
    /** {@link #queues}: one for each vCPU, up to {@link #QUEUES_DEFAULT_MAX}. */
    public static final int QUEUES_BY_CPUS = 0;

    /** Most queues that nobody asked for: with the most disks, all their notifications still get an ioeventfd of KVM's. */
    public static final int QUEUES_DEFAULT_MAX = 16;

    /** Makes a disk with split queues only. */
    public DiskConfig(
            Path path,
            String format,
            boolean readOnly,
            @Nullable String id,
            @Nullable String serial,
            DiskEngine engine,
            int queues) {
        this(path, format, readOnly, id, serial, engine, queues, false);
    }

    /** Makes a disk with {@link #QUEUES_BY_CPUS} and I/O by threads. */
    public DiskConfig(Path path, String format, boolean readOnly, @Nullable String id, @Nullable String serial) {
        this(path, format, readOnly, id, serial, DiskEngine.THREADS, QUEUES_BY_CPUS);
    }

    /** Makes a writable raw disk. */
    public static DiskConfig raw(Path path) {
        return new DiskConfig(path, "raw", false, null, null);
    }

    /** Returns the same disk with another engine. */
    public DiskConfig withEngine(DiskEngine newEngine) {
        return new DiskConfig(path, format, readOnly, id, serial, newEngine, queues, packed);
    }

    /** Returns the same disk with another number of queues. */
    public DiskConfig withQueues(int newQueues) {
        return new DiskConfig(path, format, readOnly, id, serial, engine, newQueues, packed);
    }

    /** Returns the same disk with or without packed queues. */
    public DiskConfig withPacked(boolean newPacked) {
        return new DiskConfig(path, format, readOnly, id, serial, engine, queues, newPacked);
    }

    /** Returns how many queues the disk has in a machine of some vCPUs. */
    public int queues(int cpus) {
        return queues == QUEUES_BY_CPUS ? Math.min(cpus, QUEUES_DEFAULT_MAX) : queues;
    }
}

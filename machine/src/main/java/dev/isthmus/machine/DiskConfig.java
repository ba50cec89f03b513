// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.RateLimits;
import dev.isthmus.machine.block.ImageLocking;

/**
 * A disk of the guest: {@code DiskConfig.of(path).withCache(DiskCache.NONE).withQueues(2)}. Immutable; each {@code with}
 * method returns a changed copy.
 */
public final class DiskConfig {
    /**
     * {@link #format}: what the first bytes of the file say. Where they say nothing it is taken for raw, and the guest can
     * then not write to it what would make it look like another format.
     */
    public static final String AUTO = "auto";

    /** What {@link #format} may be, as a sentence for messages. */
    public static final String KNOWN_FORMATS = "Known formats: raw, qcow2, vmdk, vdi, vhdx.";

    /** {@link #queues()}: one for each vCPU, up to {@link #QUEUES_DEFAULT_MAX}. */
    public static final int QUEUES_BY_CPUS = 0;

    /** Most queues that nobody asked for: with the most disks, all their notifications still get an ioeventfd of KVM's. */
    public static final int QUEUES_DEFAULT_MAX = 16;

    private final Path path;

    // Set in the copies that the with methods make, before anybody else sees them.
    private String format = AUTO;
    private boolean readOnly;
    private @Nullable String id;
    private @Nullable String serial;
    private DiskEngine engine = DiskEngine.THREADS;
    private int queues = QUEUES_BY_CPUS;
    private DiskCache cache = DiskCache.WRITEBACK;
    private boolean discard = true;
    private RateLimits limits = RateLimits.NONE;
    private DiskErrorPolicy onError = DiskErrorPolicy.REPORT;
    private boolean packed;
    private ImageLocking locking = ImageLocking.AUTO;

    private DiskConfig(Path path) {
        this.path = path;
    }

    private DiskConfig copy() {
        DiskConfig copy = new DiskConfig(path);
        copy.format = format;
        copy.readOnly = readOnly;
        copy.id = id;
        copy.serial = serial;
        copy.engine = engine;
        copy.queues = queues;
        copy.cache = cache;
        copy.discard = discard;
        copy.limits = limits;
        copy.onError = onError;
        copy.packed = packed;
        copy.locking = locking;
        return copy;
    }

    /**
     * Makes a disk that the guest can write to, of a format that is found out ({@link #AUTO}).
     *
     * @param path the image file or block device
     */
    public static DiskConfig of(Path path) {
        return new DiskConfig(path);
    }

    /** Makes a writable raw disk. */
    public static DiskConfig raw(Path path) {
        return of(path).withFormat("raw");
    }

    /**
     * Says how the image is stored: {@code raw}, {@code qcow2}, {@code vmdk}, {@code vdi} or {@code vhdx}, or
     * {@link #AUTO}. All but the first two can only be read.
     */
    public DiskConfig withFormat(String newFormat) {
        DiskConfig copy = copy();
        copy.format = newFormat;
        return copy;
    }

    /** Says whether the guest can only read; the file need not be writable then. */
    public DiskConfig withReadOnly(boolean newReadOnly) {
        DiskConfig copy = copy();
        copy.readOnly = newReadOnly;
        return copy;
    }

    /** Names the disk for {@link Machine#disk}, logs and errors; null for a name by its position. */
    public DiskConfig withId(@Nullable String newId) {
        DiskConfig copy = copy();
        copy.id = newId;
        return copy;
    }

    /** Sets the serial number that the guest sees: up to 20 printable ASCII characters, or null for none. */
    public DiskConfig withSerial(@Nullable String newSerial) {
        DiskConfig copy = copy();
        copy.serial = newSerial;
        return copy;
    }

    /** Sets who does the I/O; threads where not called. */
    public DiskConfig withEngine(DiskEngine newEngine) {
        DiskConfig copy = copy();
        copy.engine = newEngine;
        return copy;
    }

    /** Sets the number of request queues, 1 to 64, or {@link #QUEUES_BY_CPUS}, which is the default. */
    public DiskConfig withQueues(int newQueues) {
        DiskConfig copy = copy();
        copy.queues = newQueues;
        return copy;
    }

    /** Sets the use of the host's page cache; {@link DiskCache#WRITEBACK} where not called. */
    public DiskConfig withCache(DiskCache newCache) {
        DiskConfig copy = copy();
        copy.cache = newCache;
        return copy;
    }

    /** Says whether the guest can give storage back to the host; it can where not called. */
    public DiskConfig withDiscard(boolean newDiscard) {
        DiskConfig copy = copy();
        copy.discard = newDiscard;
        return copy;
    }

    /** Sets how much the disk may be used; {@link RateLimits#NONE} where not called. */
    public DiskConfig withLimits(RateLimits newLimits) {
        DiskConfig copy = copy();
        copy.limits = newLimits;
        return copy;
    }

    /** Sets what becomes of requests that the host fails; {@link DiskErrorPolicy#REPORT} where not called. */
    public DiskConfig withErrorPolicy(DiskErrorPolicy newPolicy) {
        DiskConfig copy = copy();
        copy.onError = newPolicy;
        return copy;
    }

    /** Says whether the guest may choose packed queues (VIRTIO_F_RING_PACKED); it may not where not called, as in QEMU. */
    public DiskConfig withPacked(boolean newPacked) {
        DiskConfig copy = copy();
        copy.packed = newPacked;
        return copy;
    }

    /** Says whether the disk's files are locked against other processes, in QEMU's way; they are where not called. */
    public DiskConfig withLocking(ImageLocking newLocking) {
        DiskConfig copy = copy();
        copy.locking = newLocking;
        return copy;
    }

    /** Returns the image file or block device. */
    public Path path() {
        return path;
    }

    /** Returns how the image is stored, or {@link #AUTO}. */
    public String format() {
        return format;
    }

    /** Tells whether the guest can only read. */
    public boolean readOnly() {
        return readOnly;
    }

    /** Returns the disk's name, or null for one by its position. */
    public @Nullable String id() {
        return id;
    }

    /** Returns the serial number that the guest sees, or null for none. */
    public @Nullable String serial() {
        return serial;
    }

    /** Returns who does the I/O. */
    public DiskEngine engine() {
        return engine;
    }

    /** Returns the number of request queues, or {@link #QUEUES_BY_CPUS}. */
    public int queues() {
        return queues;
    }

    /** Returns how many queues the disk has in a machine of some vCPUs. */
    public int queues(int cpus) {
        return queues == QUEUES_BY_CPUS ? Math.min(cpus, QUEUES_DEFAULT_MAX) : queues;
    }

    /** Returns the use of the host's page cache. */
    public DiskCache cache() {
        return cache;
    }

    /** Tells whether the guest can give storage back. */
    public boolean discard() {
        return discard;
    }

    /** Returns how much the disk may be used. */
    public RateLimits limits() {
        return limits;
    }

    /** Returns what becomes of requests that the host fails. */
    public DiskErrorPolicy errorPolicy() {
        return onError;
    }

    /** Tells whether the disk's files are locked against other processes. */
    public ImageLocking locking() {
        return locking;
    }

    /** Tells whether the guest may choose packed queues. */
    public boolean packed() {
        return packed;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof DiskConfig that
                && path.equals(that.path)
                && format.equals(that.format)
                && readOnly == that.readOnly
                && Objects.equals(id, that.id)
                && Objects.equals(serial, that.serial)
                && engine == that.engine
                && queues == that.queues
                && cache == that.cache
                && discard == that.discard
                && limits.equals(that.limits)
                && onError == that.onError
                && packed == that.packed
                && locking == that.locking;
    }

    @Override
    public int hashCode() {
        return Objects.hash(path, format, readOnly, id, serial, engine, queues, cache, discard, limits, onError, packed, locking);
    }

    @Override
    public String toString() {
        return "DiskConfig[" + path + ", " + format + "]";
    }
}

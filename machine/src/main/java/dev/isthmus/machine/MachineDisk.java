// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RateLimits;

/**
 * A disk of a machine that lives: what can be changed while the guest uses it.
 *
 * <p>Any thread but the machine's own. Changes of one disk take turns, and wait for its requests in flight; no request
 * runs beside them, and none is lost.
 */
public final class MachineDisk {
    private static final int SECTOR_BYTES = 512;

    private final Disk disk;

    MachineDisk(Disk disk) {
        this.disk = disk;
    }

    /** Returns what the disk was made from. */
    public DiskConfig config() {
        return disk.config();
    }

    /** Returns what messages call it, such as "disk 0" or "disk root". */
    public String name() {
        return disk.name();
    }

    /** Returns the size that the guest sees, in bytes. */
    public long capacityBytes() {
        return disk.capacityBytes();
    }

    /**
     * Makes the disk larger, the image first, and tells the guest. What is added reads as zeroes.
     *
     * @param newCapacityBytes a multiple of 512, at least what it is now
     * @throws VmException.Configuration if the disk would shrink, is read-only or of a format that can't be resized
     * @throws VmException.HostFault if the host fails, for example for lack of room; the size is as before then
     * @throws IllegalStateException if the machine is closed
     */
    public void resize(long newCapacityBytes) {
        resize(newCapacityBytes, false);
    }

    /**
     * Makes the disk smaller or larger, as {@link #resize}. What is cut off is lost, whatever the guest keeps there; its
     * requests beyond the end fail.
     */
    public void shrink(long newCapacityBytes) {
        resize(newCapacityBytes, true);
    }

    private void resize(long newCapacityBytes, boolean mayShrink) {
        if (newCapacityBytes < 0 || newCapacityBytes % SECTOR_BYTES != 0) {
            throw new VmException.Configuration(
                    "Can't resize " + name() + " to " + newCapacityBytes + " bytes.", "Give a multiple of 512.");
        }
        BlockStatus status = disk.change(backend -> {
            if (newCapacityBytes < backend.capacityBytes() && !mayShrink) {
                throw new VmException.Configuration(
                        "Resizing " + name() + " to " + newCapacityBytes + " bytes would cut off "
                                + (backend.capacityBytes() - newCapacityBytes) + " bytes of it.",
                        "Give a larger size, or say that it may shrink.");
            }
            return backend.resize(newCapacityBytes);
        });
        check(status);
    }

    /**
     * Looks at the size of the image's file or block device again, which something else has changed, and tells the guest.
     *
     * @return the size that the guest sees now, in bytes
     * @throws IllegalStateException if the machine is closed
     */
    public long refreshCapacity() {
        check(disk.change(backend -> backend.refreshCapacity()));
        return capacityBytes();
    }

    private void check(BlockStatus status) {
        switch (status) {
            case OK -> {}
            case READ_ONLY -> throw new VmException.Configuration(
                    "Can't resize " + name() + ": it is read-only.", "Make it writable.");
            case UNSUPPORTED, OUT_OF_RANGE -> throw new VmException.Configuration(
                    "Can't resize " + name() + ": its image can't have this size.",
                    "Resize the block device or convert the image, then have its size looked at again.");
            case NO_SPACE -> throw new VmException.HostFault(
                    "Can't resize " + name() + ": the host has no room for it.", "Make room on the host.");
            case IO_ERROR -> throw new VmException.HostFault(
                    "Can't resize " + name() + ": " + disk.fault().message() + ".", "");
        }
    }

    /** Returns how much the disk may be used. */
    public RateLimits limits() {
        return disk.limits();
    }

    /**
     * Changes how much the disk may be used, for requests that wait as well.
     *
     * @throws IllegalStateException if the machine is closed
     */
    public void setLimits(RateLimits limits) {
        disk.setLimits(limits);
    }
}

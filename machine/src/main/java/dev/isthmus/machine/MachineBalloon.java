// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.balloon.GuestMemoryReport;
import dev.isthmus.virtio.balloon.VirtioBalloon;

/** The balloon of a machine that lives. Any thread. */
public final class MachineBalloon {
    private final VirtioBalloon device;

    MachineBalloon(VirtioBalloon device) {
        this.device = device;
    }

    /**
     * Sets how much memory the guest is to do without, and tells it. Whether and when it obeys is up to the guest:
     * {@link #actualBytes} tells.
     *
     * @param bytes from 0, rounded down to 4096
     */
    public void setTargetBytes(long bytes) {
        device.setTargetBytes(bytes);
    }

    /** Returns how much memory the guest is to do without. */
    public long targetBytes() {
        return device.targetBytes();
    }

    /** Returns how much memory the guest says that it does without. */
    public long actualBytes() {
        return device.actualBytes();
    }

    /**
     * Sets how often the guest is asked for statistics of its memory.
     *
     * @param interval 100 ms to a year, or zero for only by {@link #requestMemoryReport}, as it is at first
     */
    public void setReportInterval(Duration interval) {
        device.setReportInterval(interval);
    }

    /** Asks the guest for statistics, which come as a {@link #memoryReport} with a higher number, or never. */
    public void requestMemoryReport() {
        device.requestMemoryReport();
    }

    /** Returns the statistics that the guest gave last, or null where it has given none. Nothing in it is to be trusted. */
    public @Nullable GuestMemoryReport memoryReport() {
        return device.memoryReport();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio memory balloon device (virtio 1.2, section 5.5) as the guest sees it before it drives it, and as the host
 * sets it. The memory stays its maker's: it must outlive the device's last reset.
 *
 * <p>Not offered: VIRTIO_BALLOON_F_MUST_TELL_HOST, because a page is the guest's again as soon as it touches it, and
 * VIRTIO_BALLOON_F_FREE_PAGE_HINT, which is for migrations and gives no memory back by itself.
 *
 * <p>What the machine calls here is for any thread.
 */
public final class VirtioBalloon implements VirtioDevice {
    /** Most bytes that one call of {@link BalloonMemory#release} is for. */
    public static final long RELEASE_BYTES_MAX = 2L << 20;

    /** The largest balloon, in bytes: its pages are counted in 32 bits. */
    public static final long TARGET_BYTES_MAX =
            0xffff_ffffL << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;

    /** Statistics are asked for no more often. */
    private static final Duration INTERVAL_MIN = Duration.ofMillis(100);

    private static final Duration INTERVAL_MAX = Duration.ofDays(365);

    private final BalloonMemory memory;
    private final VirtioBalloonOptions options;
    private final BalloonConfig config = new BalloonConfig();
    private final BalloonCounters counters = new BalloonCounters();
    private final LatestReport latest = new LatestReport();

    /** How often statistics are asked for, 0 for not at all. */
    private volatile long intervalNanos;

    /** What serves the driver. */
    private volatile @Nullable ActiveBalloon active;

    /**
     * Makes an empty balloon.
     *
     * @param memory how memory goes back to the host
     * @param options the rest
     */
    public VirtioBalloon(BalloonMemory memory, VirtioBalloonOptions options) {
        long pageBytes = memory.pageBytes();
        if (Long.bitCount(pageBytes) != 1
                || pageBytes < VirtioBalloonProtocol.BALLOON_PAGE_BYTES
                || pageBytes > RELEASE_BYTES_MAX) {
            throw new IllegalArgumentException("The host has pages of " + pageBytes + " bytes");
        }
        this.memory = memory;
        this.options = options;
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_BALLOON;
    }

    @Override
    public long offeredFeatures() {
        return options.features();
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    /** All that section 5.5.2 numbers; see {@link ActiveBalloon} for what they are used for. */
    @Override
    public int queueCount() {
        return VirtioBalloonProtocol.QUEUES;
    }

    @Override
    public int queueSizeMax(int queueIndex) {
        return options.queueSizeMax();
    }

    @Override
    public ConfigSpace config() {
        return config.space();
    }

    /** The driver writes {@code poison_val} after this and before DRIVER_OK (5.5.6.6.1). */
    @Override
    public void featuresChosen(long features) {
        config.forgetDriver();
    }

    @Override
    public void writeConfig(long offset, int sizeBytes, long value) {
        config.write(offset, sizeBytes, value);
    }

    @Override
    public ActiveDevice activate(Activation activation) {
        ActiveBalloon activated =
                new ActiveBalloon(this, memory, counters, latest, activation, config.poison());
        active = activated;
        return activated;
    }

    /** The next driver finds an empty balloon, and begins anew with what the host wants. */
    void closed() {
        active = null;
        config.forgetDriver();
        latest.clear();
    }

    long intervalNanos() {
        return intervalNanos;
    }

    // What the machine does with the device. Any thread.

    @Override
    public Statistics statistics() {
        return counters;
    }

    /**
     * Sets how much memory the guest is to do without; 0 for none, as it is before. The driver is told. Whether and when it
     * obeys is up to the guest: {@link #actualBytes} tells.
     *
     * @param bytes 0 to {@link #TARGET_BYTES_MAX}, rounded down to 4096
     */
    public void setTargetBytes(long bytes) {
        if (bytes < 0 || bytes > TARGET_BYTES_MAX) {
            throw new IllegalArgumentException("a balloon has from 0 to " + TARGET_BYTES_MAX + " bytes");
        }
        // Before it is looked who has to be told: a driver that comes meanwhile reads it by itself.
        boolean changed = config.setPages(bytes >>> VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT);
        ActiveBalloon current = active;
        if (changed && current != null) {
            current.targetChanged();
        }
    }

    /** Returns how much memory the guest is to do without. */
    public long targetBytes() {
        return config.pages() << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;
    }

    /** Returns how much memory the driver says that it does without. A hostile guest says what it likes. */
    public long actualBytes() {
        return config.actualPages() << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;
    }

    /**
     * Sets how often the guest is asked for statistics.
     *
     * @param interval 100 ms to a year; zero, as it is before, to ask only by {@link #requestMemoryReport}
     */
    public void setReportInterval(Duration interval) {
        boolean inRange = interval.compareTo(INTERVAL_MIN) >= 0 && interval.compareTo(INTERVAL_MAX) <= 0;
        if (!interval.isZero() && !inRange) {
            throw new IllegalArgumentException("statistics are asked for every 100 ms to 365 days, or not at all");
        }
        intervalNanos = interval.toNanos();
        ActiveBalloon current = active;
        if (current != null) {
            current.intervalChanged();
        }
    }

    /** Asks the guest for statistics, which come as a {@link #memoryReport} with a higher number, or never. */
    public void requestMemoryReport() {
        ActiveBalloon current = active;
        if (current != null) {
            current.requestReport();
        }
    }

    /** Returns the statistics that the guest gave last, or null where the guest has given none. */
    public @Nullable GuestMemoryReport memoryReport() {
        return latest.get();
    }
}

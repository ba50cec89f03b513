// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import dev.isthmus.device.FaultLog;
import dev.isthmus.device.Rate;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio entropy device (virtio 1.2, section 5.4) as the guest sees it before it drives it. The source stays its
 * maker's: it must outlive the device's last reset.
 */
public final class VirtioRng implements VirtioDevice {
    /** Most bytes that one request is given; the device may use less than the entire buffer (5.4.6.2). */
    public static final int REQUEST_BYTES_MAX = 64 << 10;

    private final EntropySource source;
    private final VirtioRngOptions options;
    private final FaultLog faults;
    private final ConfigSpace config = new ConfigSpace(new byte[0]);
    private final RngStatistics statistics = new RngStatistics();
    private final RngPacing pacing = new RngPacing();

    /**
     * Makes a device without a rate limit.
     *
     * @param source where the bytes come from
     * @param options the rest
     * @param name how log messages call it, such as "virtio-rng 0"
     */
    public VirtioRng(EntropySource source, VirtioRngOptions options, String name) {
        this.source = source;
        this.options = options;
        this.faults = new FaultLog(name);
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_RNG;
    }

    /** None are defined (5.4.3). */
    @Override
    public long offeredFeatures() {
        return 0;
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    /** The requestq (5.4.2). */
    @Override
    public int queueCount() {
        return 1;
    }

    @Override
    public int queueSizeMax(int queueIndex) {
        return options.queueSizeMax();
    }

    /** Empty: none is defined (5.4.4). */
    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public ActiveDevice activate(Activation activation) {
        return new ActiveRng(source, pacing, statistics, faults, activation);
    }

    // What the machine does with the device.

    @Override
    public Statistics statistics() {
        return statistics;
    }

    /** Sets the rate limit in bytes a second, for requests that wait as well; there is none before. Loop thread. */
    public void setRate(Rate bytesPerSecond) {
        pacing.setRate(bytesPerSecond);
    }
}

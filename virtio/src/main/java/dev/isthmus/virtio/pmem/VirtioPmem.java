// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio persistent memory device (virtio 1.2, section 5.19) as the guest sees it before it drives it. That the guest
 * has the memory is the machine's part. Backend and executor stay their maker's: they must outlive the device's last reset.
 *
 * <p>VIRTIO_PMEM_F_SHMEM_REGION is not offered: the configuration tells where the memory is.
 */
public final class VirtioPmem implements VirtioDevice {
    private final PmemBackend backend;
    private final PmemExecutor executor;
    private final VirtioPmemOptions options;
    private final FaultLog faults;
    private final ConfigSpace config;
    private final PmemStatistics statistics = new PmemStatistics();

    /**
     * Makes a device.
     *
     * @param backend the memory
     * @param executor where it is flushed
     * @param options where it is, and the rest
     * @param name how log messages call it, such as "virtio-pmem 0"
     */
    public VirtioPmem(PmemBackend backend, PmemExecutor executor, VirtioPmemOptions options, String name) {
        this.backend = backend;
        this.executor = executor;
        this.options = options;
        this.faults = new FaultLog(name);
        this.config = new ConfigSpace(options.config());
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_PMEM;
    }

    @Override
    public long offeredFeatures() {
        return 0;
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    /** The req_vq (5.19.2). */
    @Override
    public int queueCount() {
        return 1;
    }

    @Override
    public int queueSizeMax(int queueIndex) {
        return options.queueSizeMax();
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public ActiveDevice activate(Activation activation) {
        return new ActivePmem(backend, executor, statistics, faults, activation);
    }

    @Override
    public Statistics statistics() {
        return statistics;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio block device (virtio 1.2, section 5.2) as the guest sees it before it drives it. Backend and executor stay
 * their maker's: they must outlive the device's last reset.
 */
public final class VirtioBlk implements VirtioDevice {
    /** A request takes one descriptor for its header and one for its status. */
    private static final int DESCRIPTORS_WITHOUT_DATA = 2;

    private final BlockBackend backend;
    private final BlockExecutor executor;
    private final VirtioBlkOptions options;
    private final FaultLog faults;
    private final ConfigSpace config;

    /**
     * Makes a device for a disk.
     *
     * @param backend the disk
     * @param executor where its requests are carried out
     * @param options the rest
     * @param name how log messages call it, such as "virtio-blk 0"
     */
    public VirtioBlk(BlockBackend backend, BlockExecutor executor, VirtioBlkOptions options, String name) {
        this.backend = backend;
        this.executor = executor;
        this.options = options;
        this.faults = new FaultLog(name);
        this.config = new ConfigSpace(VirtioBlkConfig.build(
                backend.capacityBytes(),
                backend.geometry(),
                options.queueCount(),
                options.queueSizeMax() - DESCRIPTORS_WITHOUT_DATA,
                true));
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_BLOCK;
    }

    @Override
    public long offeredFeatures() {
        return VirtioBlkProtocol.VIRTIO_BLK_F_SEG_MAX
                | VirtioBlkProtocol.VIRTIO_BLK_F_BLK_SIZE
                | VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH
                | VirtioBlkProtocol.VIRTIO_BLK_F_TOPOLOGY
                | (backend.readOnly() ? VirtioBlkProtocol.VIRTIO_BLK_F_RO : 0)
                | (options.queueCount() > 1 ? VirtioBlkProtocol.VIRTIO_BLK_F_MQ : 0);
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    @Override
    public int queueCount() {
        return options.queueCount();
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
        return new ActiveBlk(backend, executor, options, faults, activation);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.RateLimits;
import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
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
    private final WriteCache cache;
    private final RequestGate gate;
    private final BlkStatistics statistics = new BlkStatistics();

    /** Held while the configuration space changes: the driver and the loop both do that. */
    private final Object configLock = new Object();

    /** The capacity that drivers have been interrupted for last, or found first. Loop thread only. */
    private long toldBytes;

    /** What serves the driver, or served it last. Loop thread only. */
    private @Nullable ActiveBlk active;

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
        this.cache = new WriteCache(options.writeback());
        this.gate = new RequestGate(executor);
        this.config = new ConfigSpace(describe());
        this.toldBytes = backend.capacityBytes();
    }

    private byte[] describe() {
        int segMax = options.queueSizeMax() - DESCRIPTORS_WITHOUT_DATA;
        return VirtioBlkConfig.build(backend, options, segMax, cache.writeback());
    }

    private void updateConfig() {
        synchronized (configLock) {
            config.replace(describe());
        }
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
                | VirtioBlkProtocol.VIRTIO_BLK_F_CONFIG_WCE
                | (options.discard() && backend.canDiscard() ? VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD : 0)
                | (backend.canWriteZeroes() ? VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES : 0)
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
    public void featuresChosen(long features) {
        cache.negotiated(features);
        updateConfig();
    }

    /** Only {@code writeback} can be written (5.2.5.1), and drivers access it as the byte that it is (2.5.3.1). */
    @Override
    public void writeConfig(long offset, int sizeBytes, long value) {
        if (offset == VirtioBlkConfig.WRITEBACK && sizeBytes == 1 && cache.set((value & 0xff) != 0)) {
            updateConfig();
        }
    }

    @Override
    public ActiveDevice activate(Activation activation) {
        gate.open(activation.loop());
        ActiveBlk activated = new ActiveBlk(backend, executor, options, cache, gate, statistics, faults, activation);
        active = activated;
        return activated;
    }

    @Override
    public Statistics statistics() {
        return statistics;
    }

    // What the machine does with the disk. Loop thread.

    /** Sets who decides what becomes of requests that the host fails; the guest is told of all where not called. */
    public void setFaults(BlkFaults newFaults) {
        gate.setFaults(newFaults);
    }

    /** Sets the disk's rate limits, for requests that wait as well; there are none before. Loop thread. */
    public void setLimits(RateLimits limits) {
        gate.setLimits(limits);
    }

    /**
     * Keeps all requests from the disk until {@link #release}. Loop thread; one at a time.
     *
     * @param drained run once no request is under way any more, before this returns or later
     */
    public void hold(Runnable drained) {
        gate.hold(drained);
    }

    /** Ends a {@link #hold}. Loop thread. */
    public void release() {
        gate.release();
    }

    /** Repeats the requests that {@link BlkFaults} kept and goes on with the others. Loop thread. */
    public void retry() {
        gate.retry();
    }

    /** Tells the driver of the capacity that the disk has now. Loop thread. */
    public void capacityChanged() {
        updateConfig();
        // Not by the configuration space, which a driver's write may have brought up to date meanwhile.
        long capacityBytes = backend.capacityBytes();
        boolean changed = capacityBytes != toldBytes;
        toldBytes = capacityBytes;
        ActiveBlk current = active;
        if (current != null && !current.closed() && changed) {
            current.configChanged();
        }
    }
}

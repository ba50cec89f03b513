// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import dev.isthmus.device.FaultLog;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseServer;
import dev.isthmus.fuse.SharedFolder;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio file system device (virtio 1.2, section 5.11) as the guest sees it before it drives it, without a notification
 * queue and without DAX. Folder and executor stay their maker's: they must outlive the device's last reset.
 */
public final class VirtioFs implements VirtioDevice {
    private final FuseServer server;
    private final FsExecutor executor;
    private final VirtioFsOptions options;
    private final FaultLog faults;
    private final ConfigSpace config;
    private final FsCounters counters = new FsCounters();

    /**
     * Makes a device for a folder.
     *
     * @param folder what is shared
     * @param executor where requests are carried out
     * @param options the device's choices
     * @param fuseOptions the server's choices
     * @param name how log messages call it, such as "virtio-fs 0"
     */
    public VirtioFs(
            SharedFolder folder,
            FsExecutor executor,
            VirtioFsOptions options,
            FuseOptions fuseOptions,
            String name) {
        this.executor = executor;
        this.options = options;
        this.faults = new FaultLog(name);
        this.server = new FuseServer(folder, fuseOptions, faults);
        this.config = new ConfigSpace(options.config());
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_FS;
    }

    /** None: VIRTIO_FS_F_NOTIFICATION would take a queue that Linux does not have. */
    @Override
    public long offeredFeatures() {
        return 0;
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    /** The hiprio queue, then the request queues (5.11.2). */
    @Override
    public int queueCount() {
        return 1 + options.requestQueues();
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
        return new ActiveFs(server, executor, queueCount(), counters, faults, activation);
    }

    @Override
    public Statistics statistics() {
        return counters;
    }

    /** Returns how many files the guest knows, the folder itself included. Any thread. */
    public int nodeCount() {
        return server.nodeCount();
    }

    /** Returns how many files and directories the guest has open. Any thread. */
    public int fileCount() {
        return server.fileCount();
    }
}

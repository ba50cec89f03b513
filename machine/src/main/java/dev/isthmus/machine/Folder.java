// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.machine.fs.FolderWorkers;
import dev.isthmus.machine.fs.HostFolder;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.fs.VirtioFs;
import dev.isthmus.virtio.fs.VirtioFsOptions;

/** A shared folder of the machine: the folder, its workers, and the virtio device. */
final class Folder implements HostedDevice {
    private final FolderConfig config;
    private final String name;
    private final HostFolder folder;
    private final FolderWorkers workers;
    private final VirtioFs device;

    private Folder(FolderConfig config, String name, HostFolder folder, FolderWorkers workers, VirtioFs device) {
        this.config = config;
        this.name = name;
        this.folder = folder;
        this.workers = workers;
        this.device = device;
    }

    static Folder open(FolderConfig config, String name, DeviceHost host) {
        VirtioFsOptions options;
        try {
            options = new VirtioFsOptions(
                    config.tag(), config.queues(), VirtioFsOptions.DEFAULT_QUEUE_SIZE, config.packed());
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "Folder " + config.path() + ": " + e.getMessage() + ".", "Give another.", e);
        }
        HostFolder folder = HostFolder.open(config.path(), config.readOnly(), config.ownership(), name);
        FolderWorkers workers = new FolderWorkers(
                host.machineName() + "-fs-" + config.tag() + "-",
                FolderWorkers.DEFAULT_THREADS,
                thrown -> host.failures().callbackFailed(thrown));
        try {
            VirtioFs device = new VirtioFs(folder, workers, options, HostFolder.optionsFor(config.cache()), name);
            return new Folder(config, name, folder, workers, device);
        } catch (RuntimeException e) {
            workers.close();
            folder.close();
            throw e;
        }
    }

    @Override
    public FolderConfig config() {
        return config;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public VirtioDevice device() {
        return device;
    }

    @Override
    public void close() {
        workers.close();
        folder.close();
    }
}

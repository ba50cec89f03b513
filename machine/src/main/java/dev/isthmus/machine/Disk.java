// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.RawImage;
import dev.isthmus.machine.block.HostImageFile;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.block.VirtioBlk;
import dev.isthmus.virtio.block.VirtioBlkOptions;

/** A disk of the machine: its file, and the virtio device. */
final class Disk implements AutoCloseable {
    private final String name;
    private final BlockBackend backend;
    private final VirtioBlk device;

    private Disk(String name, BlockBackend backend, VirtioBlk device) {
        this.name = name;
        this.backend = backend;
        this.device = device;
    }

    /**
     * Opens a disk's file.
     *
     * @param index its position among the disks
     * @param cpus number of vCPUs
     * @throws VmException.Configuration if that can't be opened, or the serial or the number of queues is none
     */
    static Disk open(DiskConfig config, int index, int cpus, DiskEngines engines) {
        String id = config.id();
        String name = id == null ? "disk " + index : "disk " + id;
        String serial = config.serial();
        VirtioBlkOptions options;
        try {
            options = new VirtioBlkOptions(
                            serial == null ? "" : serial, config.queues(cpus), VirtioBlkOptions.DEFAULT_QUEUE_SIZE)
                    .withPacked(config.packed());
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "Disk " + config.path() + ": " + e.getMessage() + ".", "Give another.", e);
        }
        BlockBackend backend = new RawImage(HostImageFile.open(config.path(), config.readOnly(), name), name);
        return new Disk(name, backend, new VirtioBlk(backend, engines.of(config), options, name));
    }

    /** Returns what messages call it. */
    String name() {
        return name;
    }

    VirtioDevice device() {
        return device;
    }

    /** Closes the file; no request is in flight any more. */
    @Override
    public void close() {
        backend.close();
    }
}

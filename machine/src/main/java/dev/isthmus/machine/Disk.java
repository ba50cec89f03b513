// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.machine.block.HostFileOptions;
import dev.isthmus.machine.block.HostImageFolder;
import dev.isthmus.machine.block.ZstdClusterCodec;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.block.VirtioBlk;
import dev.isthmus.virtio.block.VirtioBlkOptions;

/** A disk of the machine: its image, and the virtio device. */
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
     * Opens a disk's image with all that it names.
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
                    serial == null ? "" : serial, config.queues(cpus), VirtioBlkOptions.DEFAULT_QUEUE_SIZE);
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "Disk " + config.path() + ": " + e.getMessage() + ".", "Give another.", e);
        }
        BlockBackend backend = openImage(config);
        return new Disk(name, backend, new VirtioBlk(backend, engines.of(config), options, name));
    }

    private static BlockBackend openImage(DiskConfig config) {
        HostImageFolder folder = new HostImageFolder(HostFileOptions.DEFAULT.withLocking(config.locking()));
        // None for AUTO; the configuration has been checked.
        ImageFormat format = ImageFormat.ofName(config.format());
        try {
            return ImageChain.open(
                    folder, config.path().toString(), format, config.readOnly(), ZstdClusterCodec.INSTANCE);
        } catch (ImageException e) {
            if (e.getCause() instanceof VmException cause) {
                throw cause;
            }
            throw new VmException.Configuration(String.valueOf(e.getMessage()), e.remedy(), e);
        }
    }

    /** Returns what messages call it. */
    String name() {
        return name;
    }

    VirtioDevice device() {
        return device;
    }

    /** Closes the image; no request is in flight any more. */
    @Override
    public void close() {
        backend.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.concurrent.RejectedExecutionException;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.RateLimits;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.block.HostFileOptions;
import dev.isthmus.machine.block.HostImageFolder;
import dev.isthmus.machine.block.LastFault;
import dev.isthmus.machine.block.ZstdClusterCodec;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.block.BlkFaults;
import dev.isthmus.virtio.block.VirtioBlk;
import dev.isthmus.virtio.block.VirtioBlkOptions;

/**
 * A disk of the machine: its image, and the virtio device.
 *
 * <p>Changes ({@link #change}) are for any thread but the machine's own, one at a time.
 */
final class Disk implements AutoCloseable {
    /** What is done to the image while no request is under way. */
    interface Change {
        BlockStatus apply(BlockBackend backend);
    }

    private final DiskConfig config;
    private final String name;
    private final EventLoop loop;
    private final LastFault lastFault;
    private final BlockBackend backend;
    private final VirtioBlk device;

    /** Held during a change, and to close. */
    private final Object changing = new Object();

    private boolean closed;
    private volatile RateLimits limits;

    /** Requests have failed and are kept. Written by the loop. */
    private volatile boolean stopped;

    private volatile boolean noSpace;

    private Disk(
            DiskConfig config,
            String name,
            EventLoop loop,
            LastFault lastFault,
            BlockBackend backend,
            VirtioBlk device) {
        this.config = config;
        this.name = name;
        this.loop = loop;
        this.lastFault = lastFault;
        this.backend = backend;
        this.device = device;
        this.limits = config.limits();
    }

    /**
     * Opens a disk's image with all that it names.
     *
     * @param index its position among the disks
     * @param cpus number of vCPUs
     * @param loop the device's
     * @param listener is told where a failed request was kept
     * @throws VmException.Configuration if that can't be opened, or the serial or the number of queues is none
     * @throws VmException.HostFault if the host can't read it
     */
    static Disk open(
            DiskConfig config, int index, int cpus, EventLoop loop, DiskEngines engines, DiskFaultListener listener) {
        String id = config.id();
        String name = id == null ? "disk " + index : "disk " + id;
        String serial = config.serial();
        VirtioBlkOptions options;
        try {
            options = new VirtioBlkOptions(
                    serial == null ? "" : serial,
                    config.queues(cpus),
                    VirtioBlkOptions.DEFAULT_QUEUE_SIZE,
                    config.cache().writeback(),
                    config.discard(),
                    config.packed());
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "Disk " + config.path() + ": " + e.getMessage() + ".", "Give another.", e);
        }
        LastFault lastFault = new LastFault();
        BlockBackend backend = openImage(config, lastFault);
        VirtioBlk device = new VirtioBlk(backend, engines.of(config, index, backend), options, name);
        Disk disk = new Disk(config, name, loop, lastFault, backend, device);
        // Nothing runs yet: the loop thread sees this with the device's activation.
        device.setLimits(config.limits());
        if (config.errorPolicy() == DiskErrorPolicy.STOP) {
            device.setFaults(disk.new Keeper(listener));
        }
        return disk;
    }

    private static BlockBackend openImage(DiskConfig config, LastFault lastFault) {
        HostImageFolder folder = new HostImageFolder(
                new HostFileOptions(
                        config.cache().direct(),
                        config.cache() == DiskCache.UNSAFE,
                        lastFault,
                        config.locking()));
        // None for AUTO; the configuration has been checked.
        ImageFormat format = ImageFormat.ofName(config.format());
        try {
            return ImageChain.open(
                    folder, config.path().toString(), format, config.readOnly(), ZstdClusterCodec.INSTANCE);
        } catch (ImageIoException e) {
            throw new VmException.HostFault(String.valueOf(e.getMessage()), e.remedy(), e);
        } catch (ImageException e) {
            if (e.getCause() instanceof VmException cause) {
                throw cause;
            }
            throw new VmException.Configuration(String.valueOf(e.getMessage()), e.remedy(), e);
        }
    }

    /** Returns what it was made from. */
    DiskConfig config() {
        return config;
    }

    /** Returns what messages call it. */
    String name() {
        return name;
    }

    VirtioDevice device() {
        return device;
    }

    long capacityBytes() {
        return backend.capacityBytes();
    }

    /** Tells whether requests have failed and are kept. Any thread. */
    boolean stopped() {
        return stopped;
    }

    /** Returns why requests are kept. */
    DiskFault fault() {
        String text = lastFault.text();
        String message = text == null ? "the image could not be read or written" : text;
        return new DiskFault(name, noSpace, message);
    }

    /** Repeats requests that were kept. Any thread but the loop's, which goes on. */
    void retry() {
        loop.call(this::retryOnLoop);
    }

    private void retryOnLoop() {
        stopped = false;
        device.retry();
    }

    RateLimits limits() {
        return limits;
    }

    void setLimits(RateLimits newLimits) {
        synchronized (changing) {
            requireOpen();
            limits = newLimits;
            loop.call(() -> device.setLimits(newLimits));
        }
    }

    /**
     * Changes the image while no request is under way, and tells the guest of the capacity that it has then. Waits for
     * requests in flight.
     *
     * @return the change's own outcome
     * @throws IllegalStateException if the disk is closed
     */
    BlockStatus change(Change change) {
        synchronized (changing) {
            requireOpen();
            try {
                loop.callAndAwait(device::hold);
                try {
                    return change.apply(backend);
                } finally {
                    loop.call(this::endChange);
                }
            } catch (RejectedExecutionException e) {
                throw new IllegalStateException("The machine is closed", e);
            }
        }
    }

    private void endChange() {
        device.capacityChanged();
        device.release();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("The machine is closed");
        }
    }

    /** Closes the image; no request is in flight any more. Waits for a change. */
    @Override
    public void close() {
        synchronized (changing) {
            closed = true;
            backend.close();
        }
    }

    /** Keeps what fails. Loop thread. */
    private final class Keeper implements BlkFaults {
        private final DiskFaultListener listener;

        Keeper(DiskFaultListener listener) {
            this.listener = listener;
        }

        @Override
        public boolean keep(BlockOperation operation, BlockStatus status) {
            if (!stopped) {
                noSpace = status == BlockStatus.NO_SPACE;
                stopped = true;
                listener.diskFailed(Disk.this);
            }
            return true;
        }
    }
}

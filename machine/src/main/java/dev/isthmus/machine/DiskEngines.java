// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockExecutor;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.block.DiskWorkers;
import dev.isthmus.machine.block.IoUringEngine;
import dev.isthmus.machine.io.IoThread;

/** The engines of a machine's disks: the workers, which all disks need now and then, and a ring where a disk wants it. */
final class DiskEngines implements AutoCloseable {
    private final DiskWorkers workers;
    private final @Nullable IoUringEngine ring;

    private DiskEngines(DiskWorkers workers, @Nullable IoUringEngine ring) {
        this.workers = workers;
        this.ring = ring;
    }

    /**
     * Makes what a machine's disks ask for.
     *
     * @throws VmException.HostUnsupported if a disk wants io_uring and the host has none for us
     */
    static DiskEngines open(MachineConfig config, IoThread loop) {
        DiskWorkers workers = new DiskWorkers(config.name() + "-disk-", DiskWorkers.DEFAULT_THREADS);
        for (DiskConfig disk : config.disks()) {
            if (disk.engine() == DiskEngine.IO_URING) {
                return new DiskEngines(workers, openRing(disk, loop, workers));
            }
        }
        return new DiskEngines(workers, null);
    }

    private static IoUringEngine openRing(DiskConfig disk, IoThread loop, DiskWorkers workers) {
        try {
            return new IoUringEngine(loop, workers);
        } catch (ErrnoException e) {
            throw new VmException.HostUnsupported(
                    "Disk " + disk.path() + " can't use io_uring on this host: " + e.getMessage() + ".",
                    "Give it the engine threads (aio=threads).",
                    e);
        }
    }

    /** Returns the engine of a disk. */
    BlockExecutor of(DiskConfig disk) {
        IoUringEngine uring = ring;
        return disk.engine() == DiskEngine.IO_URING && uring != null ? uring : workers;
    }

    /** Ends the engines, first letting them finish; devices have been reset, the loop still runs. */
    @Override
    public void close() {
        workers.close();
        if (ring != null) {
            ring.close();
        }
    }
}

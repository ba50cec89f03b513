// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.block.DiskWorkers;
import dev.isthmus.machine.block.IoUringEngine;
import dev.isthmus.machine.block.RequestMerger;
import dev.isthmus.machine.io.IoThread;

/**
 * The engines of a machine's disks: workers for each, so that a disk whose storage hangs keeps nothing from another, and
 * one ring where any disk wants it, which passes to a disk's workers what it can't do itself.
 */
final class DiskEngines implements AutoCloseable {
    private final String threadNamePrefix;
    private final IoThread loop;
    private final Consumer<Throwable> failureHandler;
    private final WorkersByDisk workers = new WorkersByDisk();
    private @Nullable IoUringEngine ring;

    private DiskEngines(String threadNamePrefix, IoThread loop, IoThread.FailureHandler handler) {
        this.loop = loop;
        this.threadNamePrefix = threadNamePrefix;
        this.failureHandler = new Told(handler);
    }

    /**
     * Makes what a machine's disks ask for.
     *
     * @param handler is told of what workers throw
     * @throws VmException.HostUnsupported if a disk wants io_uring and the host has none for us
     */
    static DiskEngines open(MachineConfig config, IoThread loop, IoThread.FailureHandler handler) {
        DiskEngines engines = new DiskEngines(config.name() + "-disk-", loop, handler);
        for (DiskConfig disk : config.disks()) {
            if (disk.engine() == DiskEngine.IO_URING) {
                engines.ring = openRing(disk, loop, engines.workers);
                break;
            }
        }
        return engines;
    }

    private static IoUringEngine openRing(DiskConfig disk, IoThread loop, BlockExecutor workers) {
        try {
            return new IoUringEngine(loop, workers);
        } catch (ErrnoException e) {
            throw new VmException.HostUnsupported(
                    "Disk " + disk.path() + " can't use io_uring on this host: " + e.getMessage() + ".",
                    "Give it the engine threads (aio=threads).",
                    e);
        }
    }

    /**
     * Makes the engine of a disk; once for each, before the machine runs.
     *
     * @param index its position among the disks
     */
    BlockExecutor of(DiskConfig disk, int index, BlockBackend backend) {
        int threads = disk.cache().direct() ? DiskWorkers.DIRECT_THREADS : DiskWorkers.DEFAULT_THREADS;
        DiskWorkers own = new DiskWorkers(
                threadNamePrefix.concat(Integer.toString(index)).concat("-"), threads, failureHandler);
        workers.add(backend, own);
        IoUringEngine uring = ring;
        BlockExecutor engine = disk.engine() == DiskEngine.IO_URING && uring != null ? uring : own;
        return new RequestMerger(engine, backend, loop);
    }

    /** Ends the engines, first letting them finish; devices have been reset, the loop still runs. */
    @Override
    public void close() {
        workers.close();
        if (ring != null) {
            ring.close();
        }
    }

    private record Told(IoThread.FailureHandler handler) implements Consumer<Throwable> {
        @Override
        public void accept(Throwable thrown) {
            handler.callbackFailed(thrown);
        }
    }

    /** Passes each request to the workers of its disk. Any thread, once all disks are there. */
    private static final class WorkersByDisk implements BlockExecutor {
        private final List<BlockBackend> backends = new ArrayList<>();
        private final List<DiskWorkers> workers = new ArrayList<>();

        void add(BlockBackend backend, DiskWorkers own) {
            backends.add(backend);
            workers.add(own);
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // A disk is itself.
        public void submit(BlockRequest request) {
            // A few disks at most, and requests come here only where the ring can't do them.
            for (int i = 0; i < backends.size(); i++) {
                if (backends.get(i) == request.backend()) {
                    workers.get(i).submit(request);
                    return;
                }
            }
            throw new IllegalStateException("A request of no disk");
        }

        void close() {
            for (DiskWorkers own : workers) {
                own.close();
            }
        }
    }
}

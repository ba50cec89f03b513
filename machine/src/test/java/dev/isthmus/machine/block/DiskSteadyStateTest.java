// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.LinkedBlockingQueue;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.RawImage;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2Creator;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.block.VirtioBlk;
import dev.isthmus.virtio.block.VirtioBlkOptions;
import dev.isthmus.virtio.block.VirtioBlkProtocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** All threads that a disk's requests pass through, loop and workers, with a real file: nothing is left to the collector. */
@Timeout(300)
class DiskSteadyStateTest {
    private static final String THREADS = "steady-";
    private static final int REQUESTS = 5_000;
    private static final int DEPTH = 8;
    private static final int BLOCK_BYTES = 4096;
    private static final int DISK_BYTES = 1 << 20;

    private static final long RING_GPA = 0x1000;
    private static final long HEADERS_GPA = 0x8000;
    private static final long STATUSES_GPA = 0x9000;
    private static final long DATA_GPA = 0x1_0000;

    @TempDir
    Path folder;

    private final LinkedBlockingQueue<Throwable> bugs = new LinkedBlockingQueue<>();
    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);

    private BlockBackend image(String format) throws IOException {
        Path path = Files.createFile(folder.resolve("disk"));
        ImageFile file = HostImageFile.open(path, false, "disk");
        if (format.equals("raw")) {
            file.setSize(DISK_BYTES);
            return new RawImage(file, "disk");
        }
        Qcow2Creator.create(
                file,
                new Qcow2CreateOptions(DISK_BYTES).preallocation(Qcow2CreateOptions.Preallocation.METADATA),
                null);
        return Qcow2Image.open(file, null, null);
    }

    @ParameterizedTest
    @CsvSource({
        "raw, threads, read", "raw, threads, write", "raw, io_uring, read", "raw, io_uring, write",
        "qcow2, threads, read", "qcow2, threads, write", "qcow2, io_uring, read", "qcow2, io_uring, write"
    })
    void requestAllocatesNothingOnAnyThread(String format, String engine, String operation) throws Exception {
        boolean write = operation.equals("write");
        IoThread loop = IoThread.start(THREADS + "io", bugs::add);
        DiskWorkers workers = new DiskWorkers(THREADS + "disk", DiskWorkers.DEFAULT_THREADS, bugs::add);
        IoUringEngine ring = engine.equals("io_uring") ? new IoUringEngine(loop, workers) : null;
        BlockExecutor executor = ring == null ? workers : ring;
        try (BlockBackend disk = image(format)) {
            RequestMerger merger = new RequestMerger(executor, disk, loop);
            VirtioBlk device = new VirtioBlk(disk, merger, new VirtioBlkOptions("", 1, 32), "disk");
            VirtioRig rig = new VirtioRig(VirtioRig.Carrier.PCI_MSIX, device, memory, loop);
            assertTrue(rig.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1
                    | VirtioFeatures.VIRTIO_F_EVENT_IDX
                    | VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH));
            QueueDriver queue = new QueueDriver(memory, RING_GPA, 32, true);
            rig.driver().setUpQueue(0, queue);
            rig.driver().driverOk();

            Allocations.assertNoneOnceWarm(
                    REQUESTS,
                    () -> transfer(rig, queue, write),
                    thread -> thread.getName().startsWith(THREADS));

            rig.driver().reset();
        } finally {
            workers.close();
            if (ring != null) {
                ring.close();
            }
            loop.close();
        }
        assertTrue(bugs.isEmpty(), bugs::toString);
    }

    /** Plays the guest: keeps some requests in flight and sleeps for none. */
    private void transfer(VirtioRig rig, QueueDriver queue, boolean write) {
        int offered = 0;
        int used = 0;
        while (used < REQUESTS) {
            while (offered < REQUESTS && offered - used < DEPTH) {
                offer(rig, queue, offered, write);
                offered++;
            }
            while (queue.pollUsed()) {
                used++;
            }
            Thread.onSpinWait();
        }
        for (int i = 0; i < DEPTH; i++) {
            assertEquals(VirtioBlkProtocol.VIRTIO_BLK_S_OK, memory.readU8(STATUSES_GPA + i));
        }
    }

    private void offer(VirtioRig rig, QueueDriver queue, int number, boolean write) {
        int slot = number % (DEPTH * 2);
        long header = HEADERS_GPA + 16L * slot;
        memory.writeU32(
                header, write ? VirtioBlkProtocol.VIRTIO_BLK_T_OUT : VirtioBlkProtocol.VIRTIO_BLK_T_IN);
        memory.writeU64(header + 8, (long) number * 7 % (DISK_BYTES / BLOCK_BYTES) * (BLOCK_BYTES / 512));
        queue.offer(
                Buffer.readable(header, 16),
                new Buffer(DATA_GPA + (long) BLOCK_BYTES * slot, BLOCK_BYTES, !write),
                Buffer.writable(STATUSES_GPA + slot, 1));
        if (queue.needsKick()) {
            rig.driver().notifyQueue(0);
        }
    }
}

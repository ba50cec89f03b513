// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.nio.file.Path;
import java.util.concurrent.LinkedBlockingQueue;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.fs.VirtioFs;
import dev.isthmus.virtio.fs.VirtioFsOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A folder behind a device with a loop and workers of its own, driven by the test's thread as a guest would. */
final class LiveFolder implements AutoCloseable {
    static final int QUEUE_SIZE = 64;

    /** How large a request, and how large an answer may be. */
    static final int SLOT_BYTES = 0x2000;

    private static final long REQUESTS_GPA = 0x10_0000;
    private static final long ANSWERS_GPA = 0x20_0000;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x30_0000);
    final HostFolder folder;
    final VirtioFs device;
    final VirtioRig rig;
    final QueueDriver queue;
    private final LinkedBlockingQueue<Throwable> bugs = new LinkedBlockingQueue<>();
    private final IoThread loop;
    private final FolderWorkers workers;

    LiveFolder(Path path, String threads) {
        loop = IoThread.start(threads + "io", bugs::add);
        workers = new FolderWorkers(threads + "folder", FolderWorkers.DEFAULT_THREADS, bugs::add);
        folder = HostFolder.open(path, false, FolderOwnership.ROOT, "test");
        device = new VirtioFs(
                folder,
                workers,
                new VirtioFsOptions("live", 1, QUEUE_SIZE, false),
                new FuseOptions(CachePolicy.AUTO, 64, 16),
                "test");
        rig = new VirtioRig(VirtioRig.Carrier.PCI_MSIX, device, memory, loop);
        assertTrue(rig.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1 | VirtioFeatures.VIRTIO_F_EVENT_IDX));
        rig.driver().setUpQueue(0, new QueueDriver(memory, 0x1000, QUEUE_SIZE, true));
        queue = new QueueDriver(memory, 0x4000, QUEUE_SIZE, true);
        rig.driver().setUpQueue(1, queue);
        rig.driver().driverOk();
        assertEquals(0, call(FuseRequest.init(FuseProtocol.FUSE_KERNEL_VERSION, 38, -1)));
    }

    /** Puts a request into a slot. */
    void put(int slot, FuseRequest request) {
        byte[] bytes = request.toBytes();
        memory.write(requestGpa(slot), bytes, 0, bytes.length);
    }

    long requestGpa(int slot) {
        return REQUESTS_GPA + (long) slot * SLOT_BYTES;
    }

    long answerGpa(int slot) {
        return ANSWERS_GPA + (long) slot * SLOT_BYTES;
    }

    /** Offers a slot's request, of the length that its header says, and notifies where asked to; returns its name. */
    int offer(int slot) {
        int head = queue.offer(
                Buffer.readable(requestGpa(slot), memory.readU32(requestGpa(slot))),
                Buffer.writable(answerGpa(slot), SLOT_BYTES));
        if (queue.needsKick()) {
            rig.driver().notifyQueue(1);
        }
        return head;
    }

    void awaitUsed() {
        while (!queue.pollUsed()) {
            Thread.onSpinWait();
        }
    }

    /** Returns the error number that a slot's answer has. */
    int error(int slot) {
        return -(int) memory.readU32(answerGpa(slot) + 4);
    }

    /** Sends a request by slot 0 and waits; returns the error number. */
    int call(FuseRequest request) {
        put(0, request);
        offer(0);
        awaitUsed();
        return error(0);
    }

    /** Returns a 64-bit field of the answer in slot 0, by its offset after the header. */
    long answerU64(int offset) {
        return memory.readU64(answerGpa(0) + 16 + offset);
    }

    @Override
    public void close() {
        rig.driver().reset();
        assertEquals(0, folder.openHandles());
        workers.close();
        loop.close();
        folder.close();
        assertTrue(bugs.isEmpty(), bugs::toString);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.fuse.MemoryFolder;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_NEXT;
import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** The whole way of a request, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioFsAllocationTest {
    private static final int REQUESTS = 10_000;
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final int DATA_BYTES = 1024;

    @ParameterizedTest
    @ValueSource(ints = {
        FuseProtocol.FUSE_READ,
        FuseProtocol.FUSE_WRITE,
        FuseProtocol.FUSE_FLUSH,
        FuseProtocol.FUSE_FSYNC,
        FuseProtocol.FUSE_STATFS,
        FuseProtocol.FUSE_GETLK
    })
    void requestAllocatesNothing(int opcode) {
        // What the folder allocates is its own affair: this one answers from a field.
        MemoryFolder folder = new MemoryFolder(false);
        folder.addFile("file", new byte[DATA_BYTES]);
        FuseClient client = client(folder);
        long node = client.find(ROOT, "file");
        long file = client.open(node, 2).u64(0);
        FuseRequest request = switch (opcode) {
            case FuseProtocol.FUSE_WRITE -> FuseClient.writeOf(node, file, 0, new byte[DATA_BYTES], 0);
            case FuseProtocol.FUSE_READ -> FuseClient.readOf(opcode, node, file, 0, DATA_BYTES);
            default -> new FuseRequest(opcode, node).u64(file).u64(0).u64(0);
        };
        byte[] bytes = request.toBytes();
        client.memory.write(FuseClient.REQUEST_GPA, bytes, 0, bytes.length);
        QueueDriver queue = (QueueDriver) client.queue(FuseClient.REQUESTS);
        queue.writeDescriptor(0, FuseClient.REQUEST_GPA, bytes.length, VIRTQ_DESC_F_NEXT, 1);
        queue.writeDescriptor(1, FuseClient.ANSWER_GPA, 16, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 2);
        queue.writeDescriptor(2, FuseClient.ANSWER_GPA + 0x1000, DATA_BYTES, VIRTQ_DESC_F_WRITE, 0);

        Allocations.assertNoneOnceWarm(REQUESTS, () -> run(client, queue));

        int expected = opcode == FuseProtocol.FUSE_GETLK ? -38 : 0;
        assertEquals(expected, (int) client.memory.readU32(FuseClient.ANSWER_GPA + 4));
    }

    private static FuseClient client(MemoryFolder folder) {
        VirtioFsOptions options = new VirtioFsOptions("t", 1, FuseClient.QUEUE_SIZE, false);
        VirtioFs device = new VirtioFs(folder, FsTask::run, options, FuseOptions.DEFAULT, "test");
        FuseClient client = new FuseClient(VirtioRig.Carrier.MMIO, device, false);
        client.start();
        return client;
    }

    private static void run(FuseClient client, QueueDriver queue) {
        for (int i = 0; i < REQUESTS; i++) {
            queue.addHead(0);
            queue.publish();
            client.notifyQueue(FuseClient.REQUESTS);
            if (!queue.pollUsed()) {
                throw new AssertionError("not used");
            }
        }
    }
}

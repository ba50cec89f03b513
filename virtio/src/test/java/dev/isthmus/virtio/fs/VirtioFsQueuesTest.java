// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.device.LoopPoller;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.fuse.MemoryFolder;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The device's queues: found by polling, filled to the brim, and reset one by one. */
class VirtioFsQueuesTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;

    private final MemoryFolder folder = new MemoryFolder(false);
    private final ArrayDeque<FsTask> tasks = new ArrayDeque<>();
    private boolean kept;
    private final FuseClient client = new FuseClient(
            VirtioRig.Carrier.PCI_MSIX,
            new VirtioFs(
                    folder,
                    this::submit,
                    new VirtioFsOptions("t", 1, FuseClient.QUEUE_SIZE, false),
                    FuseOptions.DEFAULT,
                    "test"),
            false);

    private void submit(FsTask task) {
        if (kept) {
            tasks.add(task);
        } else {
            task.run();
        }
    }

    @BeforeEach
    void begin() {
        folder.addFile("file", "contents".getBytes(StandardCharsets.UTF_8));
        client.bringUp(VirtioFeatures.VIRTIO_F_RING_RESET);
        assertEquals(0, client.call(FuseRequest.init(FuseProtocol.FUSE_KERNEL_VERSION, 38, 0)).error());
    }

    @AfterEach
    void everythingIsClosedAtTheEnd() {
        client.driver().reset();
        assertEquals(0, folder.openHandles());
        assertTrue(client.loop.pollers().isEmpty());
    }

    private LoopPoller poller() {
        assertEquals(1, client.loop.pollers().size());
        return client.loop.pollers().getFirst();
    }

    /** Makes a request available that gets an answer of 104 bytes, and tells nobody. */
    private void offer() {
        byte[] request = new FuseRequest(FuseProtocol.FUSE_GETATTR, ROOT).u64(0).u64(0).toBytes();
        client.memory.write(FuseClient.REQUEST_GPA, request, 0, request.length);
        client.queue(FuseClient.REQUESTS).offer(
                Buffer.readable(FuseClient.REQUEST_GPA, request.length), Buffer.writable(FuseClient.ANSWER_GPA, 200));
    }

    private int used(int queue) {
        int count = 0;
        while (client.queue(queue).pollUsed()) {
            count++;
        }
        return count;
    }

    @Test
    void requestIsFoundWithoutANotificationAndNoneIsAskedFor() {
        poller().begin();
        assertFalse(poller().poll());

        offer();
        assertFalse(client.queue(FuseClient.REQUESTS).needsKick());
        assertTrue(poller().poll());
        client.loop.runReady();

        assertEquals(1, used(FuseClient.REQUESTS));
        assertFalse(poller().poll());
        offer();
        poller().end();
        client.loop.runReady();
        assertEquals(1, used(FuseClient.REQUESTS));
        offer();
        assertTrue(client.queue(FuseClient.REQUESTS).needsKick());
        client.notifyQueue(FuseClient.REQUESTS);
        assertEquals(1, used(FuseClient.REQUESTS));
    }

    @Test
    void brokenQueueGivesTheLoopNothingToDo() {
        poller().begin();
        byte[] tooShort = new byte[39];
        client.memory.write(FuseClient.REQUEST_GPA, tooShort, 0, tooShort.length);
        client.queue(FuseClient.REQUESTS).offer(Buffer.readable(FuseClient.REQUEST_GPA, tooShort.length));

        assertTrue(poller().poll());
        offer();
        assertFalse(poller().poll());
        poller().end();
        client.loop.runReady();

        assertEquals(0, used(FuseClient.REQUESTS));
    }

    @Test
    void malformedChainBreaksTheDevice() {
        client.queue(FuseClient.REQUESTS).addMalformed();
        client.queue(FuseClient.REQUESTS).publish();
        client.notifyQueue(FuseClient.REQUESTS);
        offer();
        client.notifyQueue(FuseClient.REQUESTS);

        assertEquals(0, used(FuseClient.REQUESTS));
    }

    @Test
    void fullQueueIsServedInRounds() {
        byte[] forget = new FuseRequest(FuseProtocol.FUSE_FORGET, 77).u64(1).toBytes();
        client.memory.write(FuseClient.REQUEST_GPA, forget, 0, forget.length);
        for (int i = 0; i < FuseClient.QUEUE_SIZE; i++) {
            client.queue(FuseClient.HIPRIO).offer(Buffer.readable(FuseClient.REQUEST_GPA, forget.length));
        }

        client.notifyQueue(FuseClient.HIPRIO);

        assertEquals(FuseClient.QUEUE_SIZE, used(FuseClient.HIPRIO));
        // More was looked for by the loop itself, and notifications are asked for again.
        client.queue(FuseClient.HIPRIO).offer(Buffer.readable(FuseClient.REQUEST_GPA, forget.length));
        client.notifyQueue(FuseClient.HIPRIO);
        assertEquals(1, used(FuseClient.HIPRIO));
    }

    @Test
    void queueThatIsResetWaitsForItsRequestsWhileOthersGoOn() throws InterruptedException {
        kept = true;
        offer();
        client.notifyQueue(FuseClient.REQUESTS);
        Thread vcpu = Thread.ofPlatform().start(() -> client.driver().resetQueue(FuseClient.REQUESTS));
        client.loop.awaitPosted(1);
        client.loop.runReady();
        assertTrue(client.driver().queueEnabled(FuseClient.REQUESTS) || vcpu.isAlive());

        kept = false;
        client.tell(FuseClient.HIPRIO, new FuseRequest(FuseProtocol.FUSE_FORGET, 77).u64(1));
        tasks.remove().run();
        client.loop.runReady();
        vcpu.join();

        assertFalse(client.driver().queueEnabled(FuseClient.REQUESTS));
        client.tell(FuseClient.HIPRIO, new FuseRequest(FuseProtocol.FUSE_FORGET, 77).u64(1));
    }
}

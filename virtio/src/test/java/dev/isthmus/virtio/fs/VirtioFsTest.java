// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.fuse.FuseErrno;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseReply;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.fuse.MemoryFolder;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The device, by the clauses of virtio 1.2, section 5.11, over every transport and both ring formats. */
@ParameterizedClass
@CsvSource({"MMIO, false", "MMIO, true", "PCI_MSIX, false", "PCI_MSIX, true", "PCI_INTX, false", "PCI_INTX, true"})
class VirtioFsTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;

    private final MemoryFolder folder = new MemoryFolder(false);
    private final ArrayDeque<FsTask> tasks = new ArrayDeque<>();
    private boolean kept;
    private final VirtioFs device;
    private final FuseClient client;

    VirtioFsTest(VirtioRig.Carrier carrier, boolean packed) {
        VirtioFsOptions options = new VirtioFsOptions("Größe", 1, FuseClient.QUEUE_SIZE, packed);
        device = new VirtioFs(folder, this::submit, options, FuseOptions.DEFAULT, "test");
        client = new FuseClient(carrier, device, packed);
        folder.addFile("file", "contents".getBytes(StandardCharsets.UTF_8));
    }

    private void submit(FsTask task) {
        if (kept) {
            tasks.add(task);
        } else {
            task.run();
        }
    }

    private Map<String, Long> counters() {
        Map<String, Long> counters = new HashMap<>();
        device.statistics().report(counters::put);
        return counters;
    }

    @Test
    void configurationHoldsTagAndNumberOfRequestQueues() {
        // 5.11.4: the tag is UTF-8 and padded with zeroes; 5.11.2: the hiprio queue is not counted.
        byte[] tag = new byte[36];
        for (int i = 0; i < tag.length; i++) {
            tag[i] = (byte) client.driver().readConfig(i, 1);
        }
        byte[] expected = new byte[36];
        byte[] utf8 = "Größe".getBytes(StandardCharsets.UTF_8);
        System.arraycopy(utf8, 0, expected, 0, utf8.length);

        assertArrayEquals(expected, tag);
        assertEquals(1, client.driver().readConfig(36, 4));
        assertEquals(0, client.driver().readConfig(40, 4));
    }

    @Test
    void notificationsAreNotOfferedAndThereIsNoQueueForThem() {
        // 5.11.3, 5.11.2
        assertEquals(0, client.driver().deviceFeatures() & 0xff_ffff);
        assertEquals(FuseClient.QUEUE_SIZE, client.driver().queueSizeMax(0));
        assertEquals(FuseClient.QUEUE_SIZE, client.driver().queueSizeMax(1));
        assertEquals(0, client.driver().queueSizeMax(2));
    }

    @Test
    void sessionBeginsWithInit() {
        client.bringUp(0);
        assertEquals(FuseErrno.EIO, client.lookup(ROOT, "file").error());

        FuseReply init = client.call(FuseRequest.init(7, 41, -1));

        assertEquals(16 + FuseProtocol.INIT_OUT_BYTES, init.usedBytes());
        assertEquals(7, init.u32(0));
        assertEquals(38, init.u32(4));
        assertEquals(0, client.lookup(ROOT, "file").error());
    }

    @Test
    void requestIsAnsweredWithItsNumberAndUsedLength() {
        // 5.11.6: the device-writable part holds a header with the number of the request, then what belongs to it.
        client.start();

        FuseReply reply = client.lookup(ROOT, "file");

        assertEquals(16 + 128, reply.usedBytes());
        assertEquals(16 + 128, reply.length());
        assertEquals(0x1234_5678_9abcL + FuseProtocol.FUSE_LOOKUP, reply.unique());
        assertTrue(client.rig.takeInterrupts() > 0);
        FuseReply failed = client.lookup(ROOT, "absent");
        assertEquals(16, failed.usedBytes());
        assertEquals(16, failed.length());
        assertEquals(FuseErrno.ENOENT, failed.error());
    }

    @Test
    void dataIsReadAndWrittenThroughTheQueue() {
        client.start();
        long node = client.find(ROOT, "file");
        long file = client.open(node, 2).u64(0);

        assertEquals("contents", client.read(node, file, 0, 100).text(0, 8));
        assertEquals(3, client.write(node, file, 2, "NEW".getBytes(StandardCharsets.UTF_8)).u32(0));

        assertEquals("coNEWnts", new String(folder.contents("file"), StandardCharsets.UTF_8));
        assertEquals(1L, counters().get("reads"));
        assertEquals(8L, counters().get("read_bytes"));
        assertEquals(3L, counters().get("write_bytes"));
        assertEquals(0L, counters().get("errors"));
    }

    @Test
    void requestsMayBeSplitAnywhere() {
        // 2.7.4.1
        client.bringUp(VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
        client.call(FuseRequest.init(7, 38, -1));
        long node = client.find(ROOT, "file");
        long file = client.open(node, 2).u64(0);

        FuseReply read = client.callInPieces(FuseClient.readOf(FuseProtocol.FUSE_READ, node, file, 1, 6), 11, 22);

        assertEquals("ontent", read.text(0, 6));
        FuseRequest write = FuseClient.writeOf(node, file, 0, "A-B-C-D-E".getBytes(StandardCharsets.UTF_8), 0);
        assertEquals(9, client.callInPieces(write, 13, 24).u32(0));
        assertEquals("A-B-C-D-E", new String(folder.contents("file"), StandardCharsets.UTF_8));
    }

    @Test
    void forgetIsUsedWithoutAnAnswerOnTheHiprioQueue() {
        // 5.11.6: FORGET, BATCH_FORGET and INTERRUPT go by the hiprio queue.
        client.start();
        long node = client.find(ROOT, "file");
        client.find(ROOT, "file");
        assertEquals(2, device.nodeCount());

        assertEquals(0, client.tell(FuseClient.HIPRIO, new FuseRequest(FuseProtocol.FUSE_FORGET, node).u64(1)));
        assertEquals(2, device.nodeCount());
        assertEquals(0, client.tell(FuseClient.HIPRIO, new FuseRequest(FuseProtocol.FUSE_BATCH_FORGET, 0)
                .u32(1).u32(0).u64(node).u64(1)));
        assertEquals(1, device.nodeCount());
        assertEquals(0, folder.openHandles());
        assertEquals(0, client.tell(FuseClient.HIPRIO, new FuseRequest(FuseProtocol.FUSE_INTERRUPT, 0).u64(1)));
    }

    @Test
    void requestWithoutRoomForAnAnswerIsNotCarriedOut() {
        client.start();

        FuseReply reply = client.call(
                new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT).u64(0700).text("d").toBytes(), 15);

        assertEquals(0, reply.usedBytes());
        assertEquals(FuseErrno.ENOENT, client.lookup(ROOT, "d").error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT).toBytes(), 0).usedBytes());
    }

    @Test
    void answerThatHasNoRoomKeepsTheRequestFromBeingCarriedOut() {
        client.start();

        assertEquals(FuseErrno.EINVAL, client.call(
                new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT).u64(0700).text("d"), 16 + 127).error());
        assertEquals(FuseErrno.EINVAL, client.call(
                new FuseRequest(FuseProtocol.FUSE_CREATE, ROOT).u64(2).u64(0).text("f"), 16 + 143).error());
        assertEquals(FuseErrno.EINVAL, client.call(
                new FuseRequest(FuseProtocol.FUSE_LOOKUP, ROOT).text("file"), 16 + 127).error());

        assertEquals(1, device.nodeCount());
        assertEquals(0, folder.openHandles());
    }

    @Test
    void chainWithoutAHeaderBreaksTheQueue() {
        client.start();

        client.queue(FuseClient.REQUESTS).offer(
                Buffer.readable(FuseClient.REQUEST_GPA, 39), Buffer.writable(FuseClient.ANSWER_GPA, 100));
        client.notifyQueue(FuseClient.REQUESTS);

        assertNotEquals(0, client.driver().status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertFalse(client.queue(FuseClient.REQUESTS).pollUsed());
        client.start();
        assertEquals(0, client.lookup(ROOT, "file").error());
    }

    @Test
    void requestsEndInAnyOrder() {
        // 5.11.6: nothing is said of the order, and Linux expects none.
        client.start();
        kept = true;
        int first = offerLookup(0, "file");
        int second = offerLookup(1, "absent");
        assertEquals(2, tasks.size());

        tasks.removeLast().run();
        client.loop.runReady();
        assertTrue(client.queue(FuseClient.REQUESTS).pollUsed());
        assertEquals(second, client.queue(FuseClient.REQUESTS).usedId());
        assertFalse(client.queue(FuseClient.REQUESTS).pollUsed());
        tasks.removeLast().run();
        client.loop.runReady();

        assertTrue(client.queue(FuseClient.REQUESTS).pollUsed());
        assertEquals(first, client.queue(FuseClient.REQUESTS).usedId());
        assertEquals(144, client.queue(FuseClient.REQUESTS).usedLengthBytes());
    }

    private int offerLookup(int place, String name) {
        byte[] request = new FuseRequest(FuseProtocol.FUSE_LOOKUP, ROOT).text(name).toBytes();
        long requestGpa = FuseClient.REQUEST_GPA + 0x1000L * place;
        client.memory.write(requestGpa, request, 0, request.length);
        int id = client.queue(FuseClient.REQUESTS).offer(
                Buffer.readable(requestGpa, request.length),
                Buffer.writable(FuseClient.ANSWER_GPA + 0x1000L * place, 256));
        client.notifyQueue(FuseClient.REQUESTS);
        return id;
    }

    @Test
    void refusedRequestIsAnsweredWithAnError() {
        client.start();
        kept = true;
        offerLookup(0, "file");

        tasks.remove().refuse();
        client.loop.runReady();

        assertTrue(client.queue(FuseClient.REQUESTS).pollUsed());
        assertEquals(16, client.queue(FuseClient.REQUESTS).usedLengthBytes());
        assertEquals(-FuseErrno.EIO, (int) client.memory.readU32(FuseClient.ANSWER_GPA + 4));
    }

    @Test
    void resetWaitsForRequestsAndClosesEverything() throws InterruptedException {
        // 2.4: nothing of the driver's is touched after a reset; the session ends with it.
        client.start();
        long node = client.find(ROOT, "file");
        client.open(node, 2);
        client.openDirectory(ROOT);
        assertEquals(3, folder.openHandles());
        kept = true;
        offerLookup(0, "file");
        kept = false;

        Thread vcpu = Thread.ofPlatform().start(() -> client.driver().reset());
        client.loop.awaitPosted(1);
        client.loop.runReady();
        assertEquals(3, folder.openHandles());
        tasks.remove().run();
        client.loop.runReady();
        vcpu.join();

        assertEquals(0, folder.openHandles());
        assertEquals(0, device.fileCount());
        assertEquals(1, device.nodeCount());
        client.start();
        assertEquals(116, client.getAttributes(node).error());
    }

    @Test
    void destroyEndsTheSessionAndInitBeginsAnother() {
        client.start();
        client.open(client.find(ROOT, "file"), 2);

        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_DESTROY, 0)).error());

        assertEquals(0, folder.openHandles());
        assertEquals(FuseErrno.EIO, client.lookup(ROOT, "file").error());
        assertEquals(0, client.call(FuseRequest.init(7, 38, -1)).error());
        assertEquals(0, client.lookup(ROOT, "file").error());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.testing.block.ManualBlockExecutor;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A hostile driver of a disk: random requests, descriptors, ring entries and registers, with completions in random
 * order. The device throws nothing, asks the disk only for what it has, and works again after a reset.
 */
class VirtioBlkFuzzTest {
    private static final int SECTORS = 64;
    private static final int STEPS = 30_000;

    private final MemoryBlockBackend disk = new MemoryBlockBackend(SECTORS * 512, false);
    private final ManualBlockExecutor executor = new ManualBlockExecutor();
    private final BlkTestRig rig = new BlkTestRig(disk, this::checkAndSubmit);
    private int submitted;

    private void checkAndSubmit(BlockRequest request) {
        switch (request.operation()) {
            case READ, WRITE -> {
                long length = request.data().totalBytes();
                assertEquals(length, request.lengthBytes());
                assertTrue(length > 0 && length % 512 == 0 && request.offsetBytes() % 512 == 0);
                assertTrue(request.offsetBytes() >= 0 && request.offsetBytes() + length <= SECTORS * 512);
            }
            default -> assertEquals(0, request.data().totalBytes());
        }
        submitted++;
        executor.submit(request);
        assertTrue(executor.pending() <= BlkTestRig.QUEUE_SIZE);
    }

    @ParameterizedTest
    @ValueSource(longs = {31, 32, 33, 34, 35, 36})
    void hostileDriverIsAnswered(long seed) {
        Random random = new Random(seed);
        rig.bringUp(VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH);
        for (int i = 0; i < STEPS; i++) {
            switch (random.nextInt(40)) {
                case 0 -> randomDescriptor(rig.splitQueue(), random);
                case 1 -> rig.splitQueue()
                        .writeAvailableEntry(random.nextInt(), random.nextInt(BlkTestRig.QUEUE_SIZE + 1));
                case 2 -> rig.transport.registers().write(4L * random.nextInt(0x60), 4, random.nextInt());
                case 3 -> {
                    // A reset waits for what is in flight; here it must be done before, on the same thread.
                    executor.runAll();
                    rig.bringUp(random.nextBoolean() ? VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH : 0);
                }
                case 4, 5, 6, 7 -> executor.runOldest();
                case 8, 9, 10, 11 -> executor.runNewest();
                default -> randomRequest(random);
            }
            if (rig.driver.status() == 0) {
                executor.runAll();
            }
            rig.notifyDevice();
            while (rig.queue.pollUsed()) {
                assertTrue(rig.queue.usedLengthBytes() <= 0x3000);
            }
        }
        executor.runAll();
        rig.bringUp(VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH);
        rig.offer(VirtioBlkProtocol.VIRTIO_BLK_T_IN, 0, BlkTestRig.DATA_GPA, 512);
        executor.runAll();
        rig.loop.runReady();

        assertEquals(VirtioBlkProtocol.VIRTIO_BLK_S_OK, rig.status());
        assertTrue(submitted > STEPS / 20, "submitted: " + submitted);
    }

    private static void randomDescriptor(QueueDriver queue, Random random) {
        queue.writeDescriptor(
                random.nextInt(BlkTestRig.QUEUE_SIZE),
                random.nextInt(0x4_1000),
                random.nextInt(0x1000),
                random.nextInt(8),
                random.nextInt(BlkTestRig.QUEUE_SIZE + 1));
    }

    private void randomRequest(Random random) {
        if (rig.queue.freeDescriptors() < 3) {
            return;
        }
        int[] types = {0, 0, 0, 1, 1, 1, 4, 8, 11, random.nextInt()};
        long header = BlkTestRig.HEADER_GPA + 16L * random.nextInt(8);
        rig.writeHeader(
                header,
                types[random.nextInt(types.length)],
                random.nextInt(10) == 0 ? random.nextLong() : random.nextInt(SECTORS + 2));
        int headerBytes = random.nextInt(200) == 0 ? random.nextInt(32) : 16;
        int dataBytes = random.nextInt(10) == 0 ? random.nextInt(0x2000) : 512 * (1 + random.nextInt(8));
        rig.queue.offer(
                Buffer.readable(header, headerBytes),
                new Buffer(BlkTestRig.DATA_GPA + random.nextInt(0x1000), dataBytes, random.nextBoolean()),
                Buffer.writable(BlkTestRig.STATUS_GPA, 1));
    }
}

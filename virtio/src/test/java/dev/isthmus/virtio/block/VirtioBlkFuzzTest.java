// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RangeList;
import dev.isthmus.block.RateLimits;
import dev.isthmus.device.Rate;
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

    private static final long FEATURES = VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH
            | VirtioBlkProtocol.VIRTIO_BLK_F_CONFIG_WCE
            | VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD
            | VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES;

    private final MemoryBlockBackend disk = MemoryBlockBackend.withZeroes(SECTORS * 512);
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
            case DISCARD, WRITE_ZEROES -> {
                RangeList ranges = request.ranges();
                assertTrue(ranges.count() > 0 && ranges.count() <= VirtioBlkConfig.SEGMENTS_MAX);
                for (int i = 0; i < ranges.count(); i++) {
                    assertTrue(ranges.offsetBytes(i) >= 0 && ranges.lengthBytes(i) > 0);
                    assertTrue(ranges.offsetBytes(i) + ranges.lengthBytes(i) <= SECTORS * 512);
                }
            }
            case FLUSH -> assertEquals(0, request.data().totalBytes());
        }
        submitted++;
        executor.submit(request);
        assertTrue(executor.pending() <= BlkTestRig.QUEUE_SIZE);
    }

    @ParameterizedTest
    @ValueSource(longs = {31, 32, 33, 34, 35, 36})
    void hostileDriverIsAnswered(long seed) {
        Random random = new Random(seed);
        rig.device.setFaults((operation, status) -> random.nextBoolean());
        rig.bringUp(FEATURES);
        for (int i = 0; i < STEPS; i++) {
            switch (random.nextInt(40)) {
                case 0 -> randomDescriptor(rig.splitQueue(), random);
                case 1 -> rig.splitQueue()
                        .writeAvailableEntry(random.nextInt(), random.nextInt(BlkTestRig.QUEUE_SIZE + 1));
                case 2 -> rig.transport.registers().write(4L * random.nextInt(0x60), 4, random.nextInt());
                case 3 -> {
                    // A reset waits for what is in flight; here it must be done before, on the same thread.
                    executor.runAll();
                    rig.bringUp(random.nextBoolean() ? FEATURES : 0);
                }
                case 12 -> rig.driver.writeConfig(random.nextInt(70), 1 << random.nextInt(3), random.nextInt());
                case 13 -> disk.failWith(random.nextInt(3) == 0 ? BlockStatus.IO_ERROR : BlockStatus.OK);
                case 14 -> rig.device.retry();
                case 15 -> rig.device.setLimits(
                        random.nextBoolean()
                                ? RateLimits.NONE
                                : RateLimits.ofOperations(Rate.of(1 + random.nextInt(1000))));
                case 16 -> rig.loop.advanceNanos(random.nextInt(1_000_000_000));
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
        disk.failWith(BlockStatus.OK);
        rig.device.setLimits(RateLimits.NONE);
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
        int[] types = {0, 0, 0, 1, 1, 1, 4, 8, 11, 13, random.nextInt()};
        long header = BlkTestRig.HEADER_GPA + 16L * random.nextInt(8);
        rig.writeHeader(
                header,
                types[random.nextInt(types.length)],
                random.nextInt(10) == 0 ? random.nextLong() : random.nextInt(SECTORS + 2));
        int headerBytes = random.nextInt(200) == 0 ? random.nextInt(32) : 16;
        int dataBytes = random.nextInt(10) == 0 ? random.nextInt(0x2000) : 512 * (1 + random.nextInt(8));
        for (int i = 0; i < 8; i++) {
            // What a DISCARD or WRITE_ZEROES finds, if it looks there.
            rig.writeSegment(i, random.nextInt(SECTORS), random.nextInt(4), random.nextInt(10) == 0 ? random.nextInt() : 0);
        }
        if (random.nextInt(4) == 0) {
            rig.queue.offer(
                    Buffer.readable(header, headerBytes),
                    Buffer.readable(BlkTestRig.DATA_GPA, 16L * (1 + random.nextInt(8))),
                    Buffer.writable(BlkTestRig.STATUS_GPA, 1));
            return;
        }
        rig.queue.offer(
                Buffer.readable(header, headerBytes),
                new Buffer(BlkTestRig.DATA_GPA + random.nextInt(0x1000), dataBytes, random.nextBoolean()),
                Buffer.writable(BlkTestRig.STATUS_GPA, 1));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.util.List;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.testing.block.ManualBlockExecutor;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes a disk's requests over its queue and transport: headers, chains and rings of any contents, with completions in
 * any order. The disk is asked only for what it has, and works after a reset.
 *
 * <pre>
 *  input   transport, features
 *          steps: requests, changes of the ring, completions, resets
 * </pre>
 */
public final class BlockFuzzTarget {
    private static final int SECTORS = 64;
    private static final int DISK_BYTES = SECTORS * VirtioBlkProtocol.SECTOR_BYTES;
    private static final long HEADERS_GPA = BlkTestRig.HEADER_GPA;
    private static final int HEADERS = 8;
    private static final int STEPS_MAX = 1000;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private final ManualBlockExecutor executor = new ManualBlockExecutor();
    private final BlkTestRig rig;
    private final FuzzInput input;

    private BlockFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        VirtioRig.Carrier carrier = input.one(List.of(VirtioRig.Carrier.values()));
        MemoryBlockBackend disk = new MemoryBlockBackend(DISK_BYTES, input.below(4) == 3);
        rig = new BlkTestRig(carrier, disk, this::submit, new VirtioBlkOptions("fuzz", 1, BlkTestRig.QUEUE_SIZE));
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new BlockFuzzTarget(bytes).run());
    }

    /** Returns a write and a read for each transport, all of them well-formed. */
    public static List<byte[]> seeds() {
        return List.of(seed(0), seed(1), seed(2));
    }

    private static byte[] seed(int carrier) {
        return new byte[] {
            (byte) carrier, 0, 0, 0, 0, 0, //
            0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 16, 1, //
            0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 16, 1, //
            3, 4, 5
        };
    }

    /** What the device hands to the disk. */
    private void submit(BlockRequest request) {
        long length = request.lengthBytes();
        assertTrue(length >= 0 && request.offsetBytes() >= 0);
        assertTrue(request.offsetBytes() <= DISK_BYTES - Math.min(length, DISK_BYTES));
        switch (request.operation()) {
            case READ, WRITE -> {
                assertEquals(request.data().totalBytes(), length);
                assertTrue(length > 0 && length <= DISK_BYTES);
                assertEquals(0, length % VirtioBlkProtocol.SECTOR_BYTES);
                assertEquals(0, request.offsetBytes() % VirtioBlkProtocol.SECTOR_BYTES);
            }
            default -> assertEquals(0, request.data().totalBytes());
        }
        executor.submit(request);
        assertTrue(executor.pending() <= BlkTestRig.QUEUE_SIZE);
    }

    private void run() {
        bringUp(input.u32());
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(8)) {
                case 0, 1, 2 -> request();
                case 3 -> executor.runOldest();
                case 4 -> executor.runNewest();
                case 5 -> rig.notifyDevice();
                case 6 -> change();
                default -> bringUp(input.u32());
            }
            while (rig.queue.pollUsed()) {
                assertTrue(rig.queue.usedLengthBytes() <= DISK_BYTES + VirtioBlkProtocol.SECTOR_BYTES);
            }
        }
        bringUp(0);
        rig.offer(VirtioBlkProtocol.VIRTIO_BLK_T_IN, 0, BlkTestRig.DATA_GPA, VirtioBlkProtocol.SECTOR_BYTES);
        executor.runAll();
        rig.loop.runReady();
        assertEquals(VirtioBlkProtocol.VIRTIO_BLK_S_OK, rig.status());
    }

    /** A reset waits for what is in flight, which on this one thread must be done before. */
    private void bringUp(long features) {
        executor.runAll();
        rig.loop.runReady();
        rig.driver.reset();
        rig.bringUp(features & rig.driver.deviceFeatures() & ~VirtioFeatures.VIRTIO_F_RING_PACKED);
    }

    /** A request, of which everything may be wrong. */
    private void request() {
        if (rig.queue.freeDescriptors() < 3) {
            return;
        }
        long header = HEADERS_GPA + 16L * input.below(HEADERS);
        rig.memory.writeU32(header, input.u32());
        rig.memory.writeU32(header + 4, 0);
        rig.memory.writeU64(header + 8, input.u64());
        int shape = input.u8();
        int dataBytes = input.u16();
        int headerBytes = input.u8();
        boolean dataWritable = (shape & 1) == 0;
        Buffer headerPart = Buffer.readable(header, headerBytes);
        Buffer data = new Buffer(BlkTestRig.DATA_GPA + (shape & 0xf0), dataBytes, dataWritable);
        Buffer status = Buffer.writable(BlkTestRig.STATUS_GPA, input.u8());
        switch (shape >> 1 & 7) {
            case 0 -> rig.queue.offer(headerPart, data, status);
            case 1 -> rig.queue.offer(headerPart, status);
            case 2 -> rig.queue.offer(data, status);
            case 3 -> rig.queue.offer(status);
            case 4 -> rig.queue.offer(headerPart, data);
            default -> rig.queue.offer(headerPart, data, status);
        }
        rig.notifyDevice();
    }

    private void change() {
        int index = input.below(BlkTestRig.QUEUE_SIZE);
        if (input.bit()) {
            rig.splitQueue().writeDescriptor(index, input.u32(), input.u32(), input.u8(), input.u8());
        } else {
            rig.splitQueue().writeAvailableEntry(index, input.u16());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A block device behind its transport, with a driver, in the hands of a test. */
final class BlkTestRig {
    static final int QUEUE_SIZE = 16;
    static final long HEADER_GPA = 0x8000;
    static final long STATUS_GPA = 0x8100;
    static final long DATA_GPA = 0x1_0000;
    static final int UNTOUCHED = 0xee;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x4_0000);
    final ManualEventLoop loop;
    final VirtioRig transport;
    final VirtioDriver driver;
    final VirtioBlk device;

    /** Whether the driver chooses packed queues: where they are offered. */
    private final boolean packed;

    RingDriver queue = new QueueDriver(memory, 0x1000, QUEUE_SIZE, false);

    BlkTestRig(BlockBackend backend, BlockExecutor executor) {
        this(VirtioRig.Carrier.MMIO, backend, executor, new VirtioBlkOptions("serial-1", 1, QUEUE_SIZE));
    }

    BlkTestRig(BlockBackend backend, BlockExecutor executor, VirtioBlkOptions options) {
        this(VirtioRig.Carrier.MMIO, backend, executor, options, new ManualEventLoop());
    }

    BlkTestRig(VirtioRig.Carrier carrier, BlockBackend backend, BlockExecutor executor, VirtioBlkOptions options) {
        this(carrier, backend, executor, options, new ManualEventLoop());
    }

    /** One of several devices on a loop, each with memory of its own. */
    BlkTestRig(BlockBackend backend, BlockExecutor executor, VirtioBlkOptions options, ManualEventLoop loop) {
        this(VirtioRig.Carrier.MMIO, backend, executor, options, loop);
    }

    private BlkTestRig(
            VirtioRig.Carrier carrier,
            BlockBackend backend,
            BlockExecutor executor,
            VirtioBlkOptions options,
            ManualEventLoop loop) {
        this.loop = loop;
        packed = options.packed();
        device = new VirtioBlk(backend, executor, options, "test");
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
    }

    /** Brings the device up with queue 0. */
    void bringUp(long features) {
        long ringFeatures = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(features | ringFeatures | VirtioFeatures.VIRTIO_F_VERSION_1));
        boolean eventIdx = (features & VirtioFeatures.VIRTIO_F_EVENT_IDX) != 0;
        queue = packed
                ? new PackedQueueDriver(memory, 0x1000, QUEUE_SIZE, eventIdx)
                : new QueueDriver(memory, 0x1000, QUEUE_SIZE, eventIdx);
        driver.setUpQueue(0, queue);
        driver.driverOk();
    }

    /** Returns the queue of a rig with split queues, for tests that write its fields. */
    QueueDriver splitQueue() {
        return (QueueDriver) queue;
    }

    void writeHeader(long gpa, int type, long sector) {
        memory.writeU32(gpa, type);
        memory.writeU32(gpa + 4, 0);
        memory.writeU64(gpa + 8, sector);
    }

    /** Writes a segment of a DISCARD or WRITE_ZEROES as number {@code index} of the data at the standard place. */
    void writeSegment(int index, long sector, long sectors, int flags) {
        long gpa = DATA_GPA + (long) index * VirtioBlkProtocol.SEGMENT_BYTES;
        memory.writeU64(gpa, sector);
        memory.writeU32(gpa + 8, sectors);
        memory.writeU32(gpa + 12, flags);
    }

    /** Offers a request of three parts with the standard places, and notifies. */
    int offer(int type, long sector, long dataGpa, int dataBytes) {
        writeHeader(HEADER_GPA, type, sector);
        memory.writeU8(STATUS_GPA, UNTOUCHED);
        boolean deviceWrites = type != VirtioBlkProtocol.VIRTIO_BLK_T_OUT
                && type != VirtioBlkProtocol.VIRTIO_BLK_T_DISCARD
                && type != VirtioBlkProtocol.VIRTIO_BLK_T_WRITE_ZEROES
                && type != VirtioBlkProtocol.VIRTIO_BLK_T_SECURE_ERASE;
        Buffer header = Buffer.readable(HEADER_GPA, VirtioBlkProtocol.HEADER_BYTES);
        Buffer status = Buffer.writable(STATUS_GPA, 1);
        int head = dataBytes == 0
                ? queue.offer(header, status)
                : queue.offer(header, new Buffer(dataGpa, dataBytes, deviceWrites), status);
        notifyDevice();
        return head;
    }

    void notifyDevice() {
        driver.notifyQueue(0);
        loop.runReady();
    }

    int status() {
        return memory.readU8(STATUS_GPA);
    }

    /** Takes one used buffer and checks whose it is and how long. */
    void assertUsed(int head, long usedBytes) {
        assertTrue(queue.pollUsed());
        assertEquals(head, queue.usedId());
        assertEquals(usedBytes, queue.usedLengthBytes());
    }

    /** Carries out a request that the device can answer at once or by an executor that runs on submit. */
    int request(int type, long sector, int dataBytes) {
        offer(type, sector, DATA_GPA, dataBytes);
        assertTrue(queue.pollUsed());
        return status();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

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

/** An entropy device behind its transport, with a driver, in the hands of a test. */
final class RngTestRig {
    static final int QUEUE_SIZE = 8;
    static final long BUFFER_GPA = 0x1_0000;
    static final long MEMORY_BYTES = 0x20_0000;

    final GuestMemory memory = FakeGuestMemory.ofBytes(MEMORY_BYTES);
    final ManualEventLoop loop = new ManualEventLoop();
    final FakeEntropy source = new FakeEntropy();
    final VirtioRng device;
    final VirtioRig transport;
    final VirtioDriver driver;
    private final boolean packed;
    RingDriver queue;

    RngTestRig(VirtioRig.Carrier carrier, boolean packed) {
        this.packed = packed;
        device = new VirtioRng(source, new VirtioRngOptions(QUEUE_SIZE, packed), "test");
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
        queue = newQueue();
    }

    private RingDriver newQueue() {
        return packed
                ? new PackedQueueDriver(memory, 0x1000, QUEUE_SIZE, false)
                : new QueueDriver(memory, 0x1000, QUEUE_SIZE, false);
    }

    RngTestRig bringUp() {
        queue = newQueue();
        long ring = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(VirtioFeatures.VIRTIO_F_VERSION_1
                | VirtioFeatures.VIRTIO_F_INDIRECT_DESC
                | VirtioFeatures.VIRTIO_F_RING_RESET
                | ring));
        driver.setUpQueue(0, queue);
        driver.driverOk();
        loop.runReady();
        return this;
    }

    /** Makes a buffer available and notifies. */
    int request(Buffer... buffers) {
        int id = queue.offer(buffers);
        driver.notifyQueue(0);
        loop.runReady();
        return id;
    }

    int request(int lengthBytes) {
        return request(Buffer.writable(BUFFER_GPA, lengthBytes));
    }

    /** Takes a used buffer and returns its length. */
    long takeUsed() {
        assertTrue(queue.pollUsed(), "nothing used");
        return queue.usedLengthBytes();
    }

    /** Expects the source's bytes in memory. */
    void assertBytes(long gpa, int firstValue, int count) {
        for (int i = 0; i < count; i++) {
            assertEquals(1 + (firstValue - 1 + i) % 255, memory.readU8(gpa + i), "byte " + i);
        }
    }

    /** Returns a counter. */
    long counter(String name) {
        long[] found = {-1};
        device.statistics().report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
        return found[0];
    }
}

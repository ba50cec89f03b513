// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import java.util.ArrayDeque;

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

/** A persistent memory device behind its transport, with a driver, and flushes that a test carries out by hand. */
final class PmemTestRig {
    static final int QUEUE_SIZE = 16;
    static final long START_GPA = 0x1_0000_0000L;
    static final long SIZE_BYTES = 6 << 20;

    /** Where requests are, and answers 0x1000 further, 16 bytes each. */
    static final long REQUEST_GPA = 0x8000;

    static final long ANSWERS = 0x1000;
    static final long UNTOUCHED = 0xeeee_eeeeL;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x2_0000);
    final ManualEventLoop loop = new ManualEventLoop();

    /** Flushes that were submitted and not carried out. */
    final ArrayDeque<PmemTask> tasks = new ArrayDeque<>();

    /** What flushes come to. */
    boolean durable = true;

    int flushes;
    final VirtioPmem device;
    final VirtioRig transport;
    final VirtioDriver driver;
    private final boolean packed;
    RingDriver queue;

    PmemTestRig(VirtioRig.Carrier carrier, boolean packed) {
        this.packed = packed;
        VirtioPmemOptions options = new VirtioPmemOptions(START_GPA, SIZE_BYTES, QUEUE_SIZE, packed);
        device = new VirtioPmem(this::flush, tasks::add, options, "test");
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
        queue = newQueue(0x1000);
    }

    private boolean flush() {
        flushes++;
        return durable;
    }

    RingDriver newQueue(long gpa) {
        return packed
                ? new PackedQueueDriver(memory, gpa, QUEUE_SIZE, false)
                : new QueueDriver(memory, gpa, QUEUE_SIZE, false);
    }

    PmemTestRig bringUp() {
        queue = newQueue(0x1000);
        long ring = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(
                VirtioFeatures.VIRTIO_F_VERSION_1 | VirtioFeatures.VIRTIO_F_RING_RESET | ring));
        driver.setUpQueue(0, queue);
        driver.driverOk();
        loop.runReady();
        return this;
    }

    /** Makes a request available and notifies; the number says where it is in memory. */
    int request(int number, long type) {
        long gpa = REQUEST_GPA + number * 16L;
        memory.writeU32(gpa, type);
        memory.writeU32(gpa + ANSWERS, UNTOUCHED);
        int id = queue.offer(Buffer.readable(gpa, 4), Buffer.writable(gpa + ANSWERS, 4));
        notifyQueue();
        return id;
    }

    void notifyQueue() {
        driver.notifyQueue(0);
        loop.runReady();
    }

    long answer(int number) {
        return memory.readU32(REQUEST_GPA + number * 16L + ANSWERS);
    }

    /** Carries out the flush that was submitted. */
    void runTask() {
        tasks.remove().run();
        loop.runReady();
    }

    void assertUsed(int id) {
        assertTrue(queue.pollUsed(), "not used");
        assertEquals(id, queue.usedId());
        assertEquals(4, queue.usedLengthBytes());
    }

    /** Returns a counter. */
    long counter(String name) {
        long[] found = {-1};
        device.statistics().report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
        return found[0];
    }
}

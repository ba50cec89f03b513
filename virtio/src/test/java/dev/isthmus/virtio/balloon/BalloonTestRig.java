// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.util.List;
import java.util.Map;

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

/** A balloon behind its transport, with a driver, in the hands of a test. */
final class BalloonTestRig {
    static final int QUEUE_SIZE = 16;
    static final long PAGE = 4096;

    /** RAM from 0, then a hole, then RAM again. */
    static final long LOW_BYTES = 0x80_0000;

    static final long HIGH_GPA = 0x100_0000;
    static final long HIGH_BYTES = 0x40_0000;

    /** Where page numbers and statistics are written. */
    static final long DATA_GPA = 0x1_0000;

    /** Where memory begins that tests give away. */
    static final long FREE_GPA = 0x20_0000;

    static final long ALL = VirtioBalloonOptions.DEFAULT.features();

    final GuestMemory memory;
    final ManualEventLoop loop = new ManualEventLoop();
    final FakeBalloonMemory host;
    final VirtioBalloon device;
    final VirtioRig transport;
    final VirtioDriver driver;
    final RingDriver[] queues = new RingDriver[VirtioBalloonProtocol.QUEUES];
    private final boolean packed;

    BalloonTestRig(VirtioRig.Carrier carrier, VirtioBalloonOptions options, long hostPageBytes) {
        this(carrier, options, hostPageBytes, FakeGuestMemory.withHole(LOW_BYTES, HIGH_GPA, HIGH_BYTES));
    }

    BalloonTestRig(
            VirtioRig.Carrier carrier, VirtioBalloonOptions options, long hostPageBytes, GuestMemory memory) {
        this.memory = memory;
        host = new FakeBalloonMemory(memory, hostPageBytes);
        packed = options.packed();
        device = new VirtioBalloon(host, options);
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
    }

    BalloonTestRig(VirtioRig.Carrier carrier, boolean packed) {
        this(carrier, options().withPacked(packed), PAGE);
    }

    static VirtioBalloonOptions options() {
        return VirtioBalloonOptions.DEFAULT.withQueueSizeMax(QUEUE_SIZE);
    }

    static BalloonTestRig running() {
        return new BalloonTestRig(VirtioRig.Carrier.MMIO, false).bringUp(ALL);
    }

    /** Brings the device up with all queues of the specification. */
    BalloonTestRig bringUp(long features) {
        return bringUp(features, 0, List.of(0, 1, 2, 4));
    }

    /** Brings the device up with some queues. */
    BalloonTestRig bringUp(long features, long poison, List<Integer> indices) {
        long ring = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(features
                | ring
                | VirtioFeatures.VIRTIO_F_VERSION_1
                | VirtioFeatures.VIRTIO_F_INDIRECT_DESC
                | VirtioFeatures.VIRTIO_F_RING_RESET));
        if ((features & VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_POISON) != 0) {
            driver.writeConfig(VirtioBalloonProtocol.POISON_VAL, 4, poison);
        }
        for (int index : indices) {
            setUpQueue(index);
        }
        driver.driverOk();
        loop.runReady();
        return this;
    }

    void setUpQueue(int index) {
        long gpa = 0x1000 + index * 0x2000L;
        queues[index] = packed
                ? new PackedQueueDriver(memory, gpa, QUEUE_SIZE, false)
                : new QueueDriver(memory, gpa, QUEUE_SIZE, false);
        driver.setUpQueue(index, queues[index]);
    }

    void notifyQueue(int index) {
        driver.notifyQueue(index);
        loop.runReady();
    }

    /** Writes numbers of pages to {@link #DATA_GPA}, and returns the buffer. */
    Buffer pages(long... gpas) {
        for (int i = 0; i < gpas.length; i++) {
            memory.writeU32(DATA_GPA + i * 4L, gpas[i] >>> 12);
        }
        return Buffer.readable(DATA_GPA, gpas.length * 4L);
    }

    /** Makes a buffer available, notifies, and expects it to be used. */
    void send(int index, Buffer... buffers) {
        int id = queues[index].offer(buffers);
        notifyQueue(index);
        assertUsed(index, id);
    }

    void assertUsed(int index, int id) {
        assertTrue(queues[index].pollUsed(), "not used");
        assertEquals(id, queues[index].usedId());
        // Nothing is ever written.
        assertEquals(0, queues[index].usedLengthBytes());
    }

    void inflate(long... gpas) {
        send(VirtioBalloonProtocol.INFLATEQ, pages(gpas));
    }

    void deflate(long... gpas) {
        send(VirtioBalloonProtocol.DEFLATEQ, pages(gpas));
    }

    /** Writes statistics to {@link #DATA_GPA} and makes them available; returns the buffer's name. */
    int offerStatistics(Map<Integer, Long> entries) {
        long gpa = DATA_GPA;
        for (Map.Entry<Integer, Long> entry : entries.entrySet()) {
            memory.writeU16(gpa, entry.getKey());
            memory.writeU64(gpa + 2, entry.getValue());
            gpa += VirtioBalloonProtocol.STAT_BYTES;
        }
        int id = queues[VirtioBalloonProtocol.STATSQ].offer(Buffer.readable(DATA_GPA, gpa - DATA_GPA));
        notifyQueue(VirtioBalloonProtocol.STATSQ);
        return id;
    }

    /** Returns a counter. */
    long counter(String name) {
        long[] found = {-1};
        device.statistics().report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
        return found[0];
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;

/** Both sides of a small queue; heap memory, because jcstress makes millions of them. */
class QueuePair {
    static final int SIZE = 2;
    static final long DATA_GPA = 128;
    static final int NUMBER = 0x5a5a_5a5a;

    final GuestMemory memory = GuestMemory.of(new MemoryRegion(0, MemorySegment.ofArray(new long[32])));
    final RingDriver driver;
    final Virtqueue queue;

    QueuePair(boolean packed, boolean eventIdx) {
        driver = packed
                ? new PackedQueueDriver(memory, 0, SIZE, eventIdx)
                : new QueueDriver(memory, 0, SIZE, eventIdx);
        queue = driver.openDevice(SIZE, false);
    }

    /** Makes a number available that the device may overwrite. */
    void offer() {
        driver.offer(Buffer.writable(DATA_GPA, Integer.BYTES));
    }

    /** Takes the buffer that {@link #offer} made available before the test began. */
    DescriptorChain take() {
        if (queue.pop() instanceof DescriptorChain chain) {
            return chain;
        }
        throw new IllegalStateException("no buffer");
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuzz.FuzzInput;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the targets of queues have in common: a device that takes and gives back chains while the driver writes anywhere. */
final class QueueFuzz {
    /** A part of the queue in guest memory. */
    record Part(long gpa, int lengthBytes) {}

    private final GuestMemory memory;
    private final FuzzInput input;
    private final Part[] parts;

    /** How many chains can be out, and how many heads there are. */
    private final int queueSize;

    private final int heads;
    private final int descriptorsMax;
    private final ArrayDeque<DescriptorChain> out = new ArrayDeque<>();

    /** Begins with the parts filled from the input, as far as it goes. */
    QueueFuzz(GuestMemory memory, FuzzInput input, int queueSize, int heads, int descriptorsMax, Part... parts) {
        this.memory = memory;
        this.input = input;
        this.queueSize = queueSize;
        this.heads = heads;
        this.descriptorsMax = descriptorsMax;
        this.parts = parts;
        for (Part part : parts) {
            byte[] bytes = input.bytes(part.lengthBytes);
            MemorySegment there = memory.slice(part.gpa, part.lengthBytes);
            there.fill((byte) 0);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, there, 0, bytes.length);
        }
    }

    /** Goes on until the input ends, for one step at least; then all chains are given back. */
    void run(Virtqueue queue) {
        boolean broken = false;
        do {
            switch (input.below(8)) {
                case 0, 1, 2 -> broken = broken || pop(queue);
                case 3 -> push(queue, out.pollFirst());
                case 4 -> push(queue, out.pollLast());
                case 5 -> queue.enableNotifications();
                case 6 -> queue.needsNotification();
                default -> change();
            }
            assertEquals(out.size(), queue.inFlight());
        } while (input.hasMore());
        while (!out.isEmpty()) {
            push(queue, out.pollFirst());
        }
    }

    /** Returns whether the queue is of no more use. */
    private boolean pop(Virtqueue queue) {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            ChainPromises.assertKept(chain, memory, heads, descriptorsMax);
            out.add(chain);
            assertTrue(out.size() <= queueSize);
        }
        return outcome instanceof Malformed;
    }

    private void push(Virtqueue queue, @Nullable DescriptorChain chain) {
        if (chain != null) {
            long writable = chain.writable().totalBytes();
            queue.push(chain, writable == 0 ? 0 : input.u32() % (writable + 1));
        }
    }

    /** The driver writes to the queue, anywhere, while the device works. */
    private void change() {
        Part part = parts[input.below(parts.length)];
        memory.writeU16(part.gpa + input.below(part.lengthBytes / 2) * 2L, input.u16());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes the device's side of a split queue, whose descriptors, available ring and indirect tables are the input's bytes,
 * and change while the device works.
 *
 * <pre>
 *  input   options: event index, indirect descriptors
 *          descriptor table, available ring, one indirect table, as far as there is input
 *          steps: what the device and the driver do next
 * </pre>
 */
public final class SplitQueueFuzzTarget {
    private static final int SIZE = 8;
    private static final int CHAIN_MAX = 12;
    private static final long LOW_BYTES = 0x4000;
    private static final long HIGH_GPA = 0x1_0000_0000L;
    private static final long DESCRIPTORS_GPA = 0x1000;
    private static final int DESCRIPTORS_BYTES = 16 * SIZE;
    private static final long AVAILABLE_GPA = 0x1800;
    private static final int AVAILABLE_BYTES = 6 + 2 * SIZE;
    private static final long USED_GPA = 0x1900;
    private static final long TABLE_GPA = 0x2000;
    private static final int TABLE_BYTES = 16 * SIZE;
    private static final int OPTION_EVENT_IDX = 1;
    private static final int OPTION_INDIRECT = 2;
    private static final long ALLOCATED_BYTES_MAX = 8 << 20;

    private static final GuestMemory MEMORY = FakeGuestMemory.withHole(LOW_BYTES, HIGH_GPA, 0x1000);

    private SplitQueueFuzzTarget() {}

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> run(new FuzzInput(bytes)));
    }

    /** Returns a ring with two chains, one of them indirect. */
    public static List<byte[]> seeds() {
        byte[] seed = new byte[1 + DESCRIPTORS_BYTES + AVAILABLE_BYTES + TABLE_BYTES + 6];
        MemorySegment ring = MemorySegment.ofArray(seed);
        seed[0] = OPTION_EVENT_IDX | OPTION_INDIRECT;
        descriptor(seed, 1, 0x3000, 0x200, 1, 1);
        descriptor(seed, 1 + 16, 0x3800, 0x100, 2, 0);
        descriptor(seed, 1 + 32, TABLE_GPA, 32, 4, 0);
        int available = 1 + DESCRIPTORS_BYTES;
        seed[available + 2] = 2;
        seed[available + 6] = 2;
        int table = available + AVAILABLE_BYTES;
        descriptor(seed, table, HIGH_GPA, 0x40, 1, 1);
        descriptor(seed, table + 16, 0x3000, 0x40, 2, 0);
        for (int step = 0; step < 6; step++) {
            seed[(int) ring.byteSize() - 6 + step] = (byte) step;
        }
        return List.of(seed);
    }

    private static void descriptor(byte[] bytes, int at, long gpa, int length, int flags, int next) {
        for (int i = 0; i < 8; i++) {
            bytes[at + i] = (byte) (gpa >>> (8 * i));
        }
        bytes[at + 8] = (byte) length;
        bytes[at + 9] = (byte) (length >>> 8);
        bytes[at + 12] = (byte) flags;
        bytes[at + 14] = (byte) next;
    }

    private static void run(FuzzInput input) {
        int options = input.u8();
        place(DESCRIPTORS_GPA, DESCRIPTORS_BYTES, input);
        place(AVAILABLE_GPA, AVAILABLE_BYTES, input);
        place(TABLE_GPA, TABLE_BYTES, input);
        MEMORY.slice(USED_GPA, 6 + 8L * SIZE).fill((byte) 0);
        LayoutOutcome layout =
                QueueLayout.check(MEMORY, SIZE, SIZE, DESCRIPTORS_GPA, AVAILABLE_GPA, USED_GPA);
        SplitQueue queue = new SplitQueue(
                MEMORY,
                (QueueLayout) layout,
                CHAIN_MAX,
                (options & OPTION_EVENT_IDX) != 0,
                (options & OPTION_INDIRECT) != 0,
                RingPosition.START);
        ArrayDeque<DescriptorChain> out = new ArrayDeque<>();
        boolean broken = false;
        // One more step than there is input for, so that every ring is looked at.
        do {
            switch (input.below(8)) {
                case 0, 1, 2 -> broken = broken || pop(queue, out);
                case 3 -> push(queue, out.pollFirst(), input);
                case 4 -> push(queue, out.pollLast(), input);
                case 5 -> queue.enableNotifications();
                case 6 -> queue.needsNotification();
                default -> change(input);
            }
            assertEquals(out.size(), queue.inFlight());
        } while (input.hasMore());
        while (!out.isEmpty()) {
            push(queue, out.pollFirst(), input);
        }
    }

    private static void place(long gpa, int lengthBytes, FuzzInput input) {
        byte[] bytes = input.bytes(lengthBytes);
        MemorySegment part = MEMORY.slice(gpa, lengthBytes);
        part.fill((byte) 0);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, part, 0, bytes.length);
    }

    /** Returns whether the queue is of no more use. */
    private static boolean pop(SplitQueue queue, ArrayDeque<DescriptorChain> out) {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            ChainPromises.assertKept(chain, MEMORY, SIZE, CHAIN_MAX);
            out.add(chain);
            assertTrue(out.size() <= SIZE);
        }
        return outcome instanceof Malformed;
    }

    private static void push(SplitQueue queue, @Nullable DescriptorChain chain, FuzzInput input) {
        if (chain != null) {
            long writable = chain.writable().totalBytes();
            queue.push(chain, writable == 0 ? 0 : input.u32() % (writable + 1));
        }
    }

    /** The driver writes to the queue, anywhere, while the device works. */
    private static void change(FuzzInput input) {
        long place = switch (input.below(3)) {
            case 0 -> DESCRIPTORS_GPA + input.below(DESCRIPTORS_BYTES / 2) * 2L;
            case 1 -> AVAILABLE_GPA + input.below(AVAILABLE_BYTES / 2) * 2L;
            default -> TABLE_GPA + input.below(TABLE_BYTES / 2) * 2L;
        };
        MEMORY.writeU16(place, input.u16());
    }
}

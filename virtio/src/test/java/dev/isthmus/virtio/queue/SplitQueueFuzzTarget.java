// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.util.List;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.memory.FakeGuestMemory;

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
        QueueFuzz fuzz = new QueueFuzz(
                MEMORY,
                input,
                SIZE,
                SIZE,
                CHAIN_MAX,
                new QueueFuzz.Part(DESCRIPTORS_GPA, DESCRIPTORS_BYTES),
                new QueueFuzz.Part(AVAILABLE_GPA, AVAILABLE_BYTES),
                new QueueFuzz.Part(TABLE_GPA, TABLE_BYTES));
        MEMORY.slice(USED_GPA, 6 + 8L * SIZE).fill((byte) 0);
        LayoutOutcome layout =
                QueueLayout.check(MEMORY, SIZE, SIZE, DESCRIPTORS_GPA, AVAILABLE_GPA, USED_GPA);
        fuzz.run(new SplitQueue(
                MEMORY,
                (QueueLayout) layout,
                CHAIN_MAX,
                (options & OPTION_EVENT_IDX) != 0,
                (options & OPTION_INDIRECT) != 0,
                RingPosition.START));
    }
}

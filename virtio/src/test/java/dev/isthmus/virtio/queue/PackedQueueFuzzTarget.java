// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.util.List;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.memory.FakeGuestMemory;

/**
 * Fuzzes the device's side of a packed queue, as {@link SplitQueueFuzzTarget} does that of a split one.
 *
 * <pre>
 *  input   options: event index, indirect descriptors
 *          descriptor ring, driver's event suppression, one indirect table, as far as there is input
 *          steps: what the device and the driver do next
 * </pre>
 */
public final class PackedQueueFuzzTarget {
    private static final int SIZE = 6;
    private static final int CHAIN_MAX = 12;
    private static final int BUFFER_IDS = 0x1_0000;
    private static final long LOW_BYTES = 0x4000;
    private static final long HIGH_GPA = 0x1_0000_0000L;
    private static final long RING_GPA = 0x1000;
    private static final int RING_BYTES = 16 * SIZE;
    private static final long DRIVER_EVENT_GPA = 0x1800;
    private static final long DEVICE_EVENT_GPA = 0x1900;
    private static final int EVENT_BYTES = 4;
    private static final long TABLE_GPA = 0x2000;
    private static final int TABLE_BYTES = 16 * SIZE;
    private static final int OPTION_EVENT_IDX = 1;
    private static final int OPTION_INDIRECT = 2;
    private static final long ALLOCATED_BYTES_MAX = 8 << 20;

    private static final GuestMemory MEMORY = FakeGuestMemory.withHole(LOW_BYTES, HIGH_GPA, 0x1000);

    private PackedQueueFuzzTarget() {}

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> run(new FuzzInput(bytes)));
    }

    /** Returns a ring with a list of two descriptors, a single one and an indirect one. */
    public static List<byte[]> seeds() {
        byte[] seed = new byte[1 + RING_BYTES + EVENT_BYTES + TABLE_BYTES + 8];
        seed[0] = OPTION_EVENT_IDX | OPTION_INDIRECT;
        descriptor(seed, 1, 0x3000, 0x200, 0x81);
        descriptor(seed, 1 + 16, 0x3800, 0x100, 0x82);
        descriptor(seed, 1 + 32, 0x3000, 0x80, 0x82);
        descriptor(seed, 1 + 48, TABLE_GPA, 32, 0x84);
        int table = 1 + RING_BYTES + EVENT_BYTES;
        descriptor(seed, table, HIGH_GPA, 0x40, 0);
        descriptor(seed, table + 16, 0x3000, 0x40, 2);
        for (int step = 0; step < 8; step++) {
            seed[seed.length - 8 + step] = (byte) step;
        }
        return List.of(seed);
    }

    private static void descriptor(byte[] bytes, int at, long gpa, int length, int flags) {
        for (int i = 0; i < 8; i++) {
            bytes[at + i] = (byte) (gpa >>> (8 * i));
        }
        bytes[at + 8] = (byte) length;
        bytes[at + 9] = (byte) (length >>> 8);
        bytes[at + 14] = (byte) flags;
    }

    private static void run(FuzzInput input) {
        int options = input.u8();
        QueueFuzz fuzz = new QueueFuzz(
                MEMORY,
                input,
                SIZE,
                BUFFER_IDS,
                CHAIN_MAX,
                new QueueFuzz.Part(RING_GPA, RING_BYTES),
                new QueueFuzz.Part(DRIVER_EVENT_GPA, EVENT_BYTES),
                new QueueFuzz.Part(TABLE_GPA, TABLE_BYTES));
        MEMORY.slice(DEVICE_EVENT_GPA, EVENT_BYTES).fill((byte) 0);
        LayoutOutcome layout =
                PackedLayout.check(MEMORY, SIZE, SIZE, RING_GPA, DRIVER_EVENT_GPA, DEVICE_EVENT_GPA);
        fuzz.run(new PackedQueue(
                MEMORY,
                (PackedLayout) layout,
                CHAIN_MAX,
                (options & OPTION_EVENT_IDX) != 0,
                (options & OPTION_INDIRECT) != 0,
                PackedPosition.START));
    }
}

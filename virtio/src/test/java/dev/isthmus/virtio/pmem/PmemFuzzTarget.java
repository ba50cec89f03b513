// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * Fuzzes flush requests: buffers of any shape, while flushes end or do not. Every answer is as long as it must be, flushes
 * come one at a time, and the device works after a reset.
 *
 * <pre>
 *  input   transport, ring format
 *          steps: requests with their buffers, flushes that end, malformed rings
 * </pre>
 */
public final class PmemFuzzTarget {
    private static final int STEPS_MAX = 400;
    private static final int BUFFERS_MAX = 4;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private final PmemTestRig rig;
    private final FuzzInput input;

    private PmemFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        rig = new PmemTestRig(input.one(List.of(VirtioRig.Carrier.values())), input.bit());
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new PmemFuzzTarget(bytes).run());
    }

    /** Returns requests of each kind, for each transport. */
    public static List<byte[]> seeds() {
        return List.of(seed(0, 0), seed(1, 1), seed(2, 0));
    }

    private static byte[] seed(int carrier, int packed) {
        return new byte[] {
            (byte) carrier,
            (byte) packed, //
            0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, // flushes
            0, 1, 1, 0, 0, 0, // unknown
            1, 3, 0, 1, 0, 0, 1, 3, 1, 0, 4, 1, 9, 9, 2, 2, 3, 0, 1, 4
        };
    }

    private void run() {
        rig.bringUp();
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(5)) {
                case 0 -> request();
                case 1 -> buffers();
                case 2 -> endFlush();
                case 3 -> rig.durable = input.bit();
                default -> malformed();
            }
            takeAll();
            if ((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
                reset();
                rig.bringUp();
            }
        }
        reset();
        rig.durable = true;
        rig.bringUp();
        int id = rig.request(0, 0);
        rig.runTask();
        rig.assertUsed(id);
        assertEquals(0, rig.answer(0));
    }

    private void endFlush() {
        assertEquals(true, rig.tasks.size() <= 1);
        if (!rig.tasks.isEmpty()) {
            rig.runTask();
        }
    }

    /** What is under way ends before, because nobody else would end it. */
    private void reset() {
        while (!rig.tasks.isEmpty()) {
            rig.runTask();
        }
        rig.driver.reset();
    }

    private void request() {
        int number = input.below(16);
        long type = input.u32();
        if (rig.queue.freeDescriptors() >= 2) {
            rig.request(number, type);
        }
    }

    private void buffers() {
        int count = 1 + input.below(BUFFERS_MAX);
        List<Buffer> buffers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean writable = input.bit();
            long gpa = 0x8000 + input.u8() * 64L;
            long lengthBytes = input.u8();
            // Readable parts come first in a chain.
            if (writable) {
                buffers.add(Buffer.writable(gpa, lengthBytes));
            } else {
                buffers.addFirst(Buffer.readable(gpa, lengthBytes));
            }
        }
        if (rig.queue.freeDescriptors() >= count) {
            rig.queue.offer(buffers.toArray(new Buffer[0]));
            rig.notifyQueue();
        }
    }

    private void malformed() {
        if (rig.queue.freeDescriptors() > 0) {
            rig.queue.addMalformed();
            rig.queue.publish();
            rig.notifyQueue();
        }
    }

    private void takeAll() {
        while (rig.queue.pollUsed()) {
            assertEquals(4, rig.queue.usedLengthBytes());
        }
    }
}

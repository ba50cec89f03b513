// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.device.Rate;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes requests for random bytes: buffers of any shape, under rates and with a source that runs dry. No request is given
 * more than it has room for, the bytes that come are the source's, and the device works after a reset.
 *
 * <pre>
 *  input   transport, ring format
 *          steps: requests with their buffers, notifications, time, rates, what the source has
 * </pre>
 */
public final class RngFuzzTarget {
    private static final int STEPS_MAX = 400;
    private static final int BUFFERS_MAX = 4;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private final RngTestRig rig;
    private final FuzzInput input;
    private final long[] roomBytes = new long[1 << 16];

    private RngFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        rig = new RngTestRig(input.one(List.of(VirtioRig.Carrier.values())), input.bit());
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new RngFuzzTarget(bytes).run());
    }

    /** Returns requests of each kind, for each transport. */
    public static List<byte[]> seeds() {
        return List.of(seed(0, 0), seed(1, 1), seed(2, 0));
    }

    private static byte[] seed(int carrier, int packed) {
        return new byte[] {
            (byte) carrier,
            (byte) packed, //
            0, 0, 1, 2, 0, 64, 0, 0, 0, // 64 bytes
            0, 2, 0, 0, 0, 8, 0, 0, 0, 1, 2, 0, 5, 0, 0, 0, 1, 3, 0, 0, 0, 1, 0, 0, // three pieces
            1, //
            3, 16, 0, 0, 0, 2, 10, // a rate, and time
            0, 0, 1, 2, 0, 0, 1, 0, 0, 1, 2, 50, //
            4, 3, 1, 2, 30, // a source that runs dry
            5
        };
    }

    private void run() {
        rig.bringUp();
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(6)) {
                case 0 -> offer();
                case 1 -> rig.driver.notifyQueue(0);
                case 2 -> rig.loop.advanceNanos(input.u8() * 10_000_000L);
                case 3 -> rig.device.setRate(Rate.of(input.u32()));
                case 4 -> rig.source.availableBytes = input.u8();
                default -> malformed();
            }
            rig.loop.runReady();
            takeAll();
            if ((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
                rig.driver.reset();
                rig.bringUp();
            }
        }
        rig.source.availableBytes = Long.MAX_VALUE;
        rig.device.setRate(Rate.UNLIMITED);
        rig.driver.reset();
        rig.bringUp();
        rig.request(16);
        assertEquals(16, rig.takeUsed());
    }

    private void offer() {
        int count = 1 + input.below(BUFFERS_MAX);
        List<Buffer> buffers = new ArrayList<>();
        long room = 0;
        for (int i = 0; i < count; i++) {
            boolean writable = input.bit();
            long gpa = RngTestRig.BUFFER_GPA + input.u16() * 16L;
            long lengthBytes = input.u32() & 0xf_ffff;
            // Readable parts come first in a chain.
            if (writable) {
                buffers.add(Buffer.writable(gpa, lengthBytes));
                room += lengthBytes;
            } else {
                buffers.addFirst(Buffer.readable(gpa, lengthBytes));
            }
        }
        if (rig.queue.freeDescriptors() >= count) {
            roomBytes[rig.queue.offer(buffers.toArray(new Buffer[0]))] = room;
        }
    }

    private void malformed() {
        if (rig.queue.freeDescriptors() > 0) {
            rig.queue.addMalformed();
            rig.queue.publish();
        }
    }

    private void takeAll() {
        while (rig.queue.pollUsed()) {
            long room = roomBytes[rig.queue.usedId()];
            long got = rig.queue.usedLengthBytes();
            assertTrue(got <= Math.min(room, VirtioRng.REQUEST_BYTES_MAX));
            assertTrue(room == 0 || got > 0);
        }
    }
}

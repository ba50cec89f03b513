// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes all queues of a balloon and its configuration space. Only whole pages of RAM are released, buffers are used once
 * and with nothing written, and the device works after a reset.
 *
 * <pre>
 *  input   transport, ring format, page size of the host, features, poison
 *          steps: buffers with or without numbers, configuration writes, requests of the host's, time
 * </pre>
 */
public final class BalloonFuzzTarget {
    private static final int STEPS_MAX = 300;
    private static final long FREE_GPA = 0x2_0000;
    private static final int BUFFERS_MAX = 5;
    private static final long ALLOCATED_BYTES_MAX = 96 << 20;
    private static final List<Integer> QUEUES = List.of(0, 1, 2, 3, 4);

    private final BalloonTestRig rig;
    private final FuzzInput input;
    private final long features;
    private final long poison;

    private BalloonFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        VirtioRig.Carrier carrier = input.one(List.of(VirtioRig.Carrier.values()));
        VirtioBalloonOptions options = BalloonTestRig.options().withPacked(input.bit());
        // Small, because making it takes most of the time of an input.
        GuestMemory memory = FakeGuestMemory.withHole(0x4_0000, 0x8_0000, 0x2_0000);
        rig = new BalloonTestRig(carrier, options, BalloonTestRig.PAGE << input.below(3), memory);
        // Zeroing what hostile reports name over and over would take all the time.
        rig.host.idle = true;
        features = input.u8() & BalloonTestRig.ALL;
        poison = input.u8();
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new BalloonFuzzTarget(bytes).run());
    }

    /** Returns requests of each kind, for each transport. */
    public static List<byte[]> seeds() {
        return List.of(seed(0, 0, 0xff, 0), seed(1, 1, 0x24, 0), seed(2, 0, 0xff, 1));
    }

    private static byte[] seed(int carrier, int packed, int features, int poison) {
        return new byte[] {
            (byte) carrier,
            (byte) packed,
            0,
            (byte) features,
            (byte) poison, //
            0, 0, 4, 0x20, 0, 0, 0, 0x21, 0, 0, 0, 0x35, 0, 0, 0, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, // inflate
            0, 1, 1, 0x20, 0, 0, 0, // deflate
            0, 2, 3, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, // statistics
            1, 4, 1, 1, 0x20, 0, 0, 0x10, 1, (byte) 0x80, 0, 0, 0x20, // report
            1, 3, 0, 1, 0x20, 0, 0, 0x10, // report, without gaps
            2, 4, 1, 0, 0, 0, // actual
            3, 5, 4, 6, 10, 5
        };
    }

    private void run() {
        rig.bringUp(features, poison, QUEUES);
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(7)) {
                case 0 -> numbers();
                case 1 -> buffers();
                case 2 -> rig.device.writeConfig(input.u8(), 1 << input.below(4), input.u32());
                case 3 -> rig.device.setTargetBytes(input.u16() * BalloonTestRig.PAGE);
                case 4 -> rig.device.requestMemoryReport();
                case 5 -> rig.device.setReportInterval(Duration.ofSeconds(input.u8()));
                default -> rig.loop.advanceNanos(input.u8() * 100_000_000L);
            }
            rig.loop.runReady();
            takeAll();
            if ((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
                rig.driver.reset();
                rig.bringUp(features, poison, QUEUES);
            }
        }
        // Another driver finds a device that works, and this time its releases are looked at.
        rig.driver.reset();
        rig.host.idle = false;
        rig.bringUp(BalloonTestRig.ALL, 0, QUEUES);
        rig.send(4, Buffer.writable(FREE_GPA, 16 * BalloonTestRig.PAGE));
        assertTrue(rig.counter("released_bytes") > 0);
    }

    /** Numbers of pages, or statistics, in a buffer. */
    private void numbers() {
        int index = input.below(5);
        byte[] bytes = input.bytes(input.u8() * 4);
        rig.memory.write(BalloonTestRig.DATA_GPA, bytes, 0, bytes.length);
        offer(index, List.of(Buffer.readable(BalloonTestRig.DATA_GPA, bytes.length)));
    }

    /** Buffers of any shape. */
    private void buffers() {
        int index = input.below(5);
        int count = 1 + input.below(BUFFERS_MAX);
        List<Buffer> buffers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean writable = input.bit();
            long gpa = input.u8() * 0x1000L + input.u8();
            long lengthBytes = input.u16() * 4L;
            // Readable parts come first in a chain.
            if (writable) {
                buffers.add(Buffer.writable(gpa, lengthBytes));
            } else {
                // Millions of numbers are legal, but take their time.
                buffers.addFirst(Buffer.readable(gpa, lengthBytes & 0x3fff));
            }
        }
        offer(index, buffers);
    }

    private void offer(int index, List<Buffer> buffers) {
        RingDriver queue = rig.queues[index];
        if (queue.freeDescriptors() >= buffers.size()) {
            queue.offer(buffers.toArray(new Buffer[0]));
            rig.driver.notifyQueue(index);
        }
    }

    private void takeAll() {
        for (RingDriver queue : rig.queues) {
            while (queue.pollUsed()) {
                assertEquals(0, queue.usedLengthBytes());
            }
        }
        assertTrue(rig.counter("released_bytes") >= 0);
    }
}

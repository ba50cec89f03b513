// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.block.VirtioBlk;
import dev.isthmus.virtio.block.VirtioBlkOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes the registers of a virtio device, over MMIO and PCI: accesses of any width to any place, in any order, among
 * steps of a driver that get somewhere. What is read has the width that was asked for, and after a reset the device works.
 *
 * <pre>
 *  input   transport
 *          steps: reads and writes; steps of a driver
 * </pre>
 */
public final class RegistersFuzzTarget {
    private static final int QUEUES = 2;
    private static final int QUEUE_SIZE = 8;
    private static final long QUEUE_GPA = 0x1000;
    private static final long HEADER_GPA = 0x8000;
    private static final long STATUS_GPA = 0x8100;
    private static final int STEPS_MAX = 2000;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final ManualEventLoop loop = new ManualEventLoop();
    private final FuzzInput input;
    private final VirtioRig rig;

    private RegistersFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        VirtioRig.Carrier carrier = input.one(List.of(VirtioRig.Carrier.values()));
        VirtioBlk device = new VirtioBlk(
                new MemoryBlockBackend(1 << 16, false),
                BlockRequest::run,
                new VirtioBlkOptions("", QUEUES, QUEUE_SIZE),
                "fuzz");
        rig = new VirtioRig(carrier, device, memory, loop);
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new RegistersFuzzTarget(bytes).run());
    }

    /** Returns, for each transport, the steps of a driver and some accesses. */
    public static List<byte[]> seeds() {
        return List.of(seed(0), seed(1), seed(2));
    }

    private static byte[] seed(int carrier) {
        return new byte[] {
            (byte) carrier, 4, 5, 0, 6, 7, 0, //
            2, 2, 0x70, 0, 15, 0, 0, 0, 1, 2, 0x14, 0, 2, 1, 0x18, 0, 8, 0, 0, 0, 0, 2, 0x30, 0, 3, 5, 1, 7, 1
        };
    }

    private void run() {
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(8)) {
                case 0, 1 -> read();
                case 2, 3 -> write();
                case 4 -> rig.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1 | input.u64());
                case 5 -> setUp(input.below(QUEUES));
                case 6 -> rig.driver().driverOk();
                default -> rig.notifyQueue(input.u8());
            }
            loop.runReady();
        }
        assertWorks();
    }

    private long offset() {
        int offset = input.u16();
        // Mostly where there is something.
        return (offset & 0x8000) != 0 ? offset & 0x3ff : offset;
    }

    private void read() {
        int sizeBytes = 1 << input.below(4);
        long value = rig.registers().read(offset(), sizeBytes);
        assertTrue(sizeBytes == Long.BYTES || value >>> (8 * sizeBytes) == 0, "wider than the access");
    }

    private void write() {
        int sizeBytes = 1 << input.below(4);
        long offset = offset();
        long value = 0;
        for (int i = 0; i < sizeBytes; i++) {
            value |= (long) input.u8() << (8 * i);
        }
        rig.registers().write(offset, sizeBytes, value);
    }

    private void setUp(int index) {
        rig.driver().setUpQueue(index, new QueueDriver(memory, QUEUE_GPA, QUEUE_SIZE, false));
    }

    private void assertWorks() {
        assertTrue(rig.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        QueueDriver queue = new QueueDriver(memory, QUEUE_GPA, QUEUE_SIZE, false);
        rig.driver().setUpQueue(1, queue);
        rig.driver().driverOk();
        memory.writeU64(HEADER_GPA, 8); // VIRTIO_BLK_T_GET_ID
        memory.writeU64(HEADER_GPA + 8, 0);
        memory.writeU8(STATUS_GPA + 20, 0xff);
        queue.offer(Buffer.readable(HEADER_GPA, 16), Buffer.writable(STATUS_GPA, 21));
        rig.driver().notifyQueue(1);
        loop.runReady();
        assertTrue(queue.pollUsed());
        assertEquals(0, memory.readU8(STATUS_GPA + 20));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.rng;

import java.util.Arrays;

import org.junit.jupiter.api.Test;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.rng.VirtioRng;
import dev.isthmus.virtio.rng.VirtioRngOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The entropy device with the host's bytes. */
class HostEntropyTest {
    private static final long BUFFER_GPA = 0x2_0000;
    private static final int REQUESTS = 10_000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);

    @Test
    void guestGetsOtherBytesEachTime() {
        ManualEventLoop loop = new ManualEventLoop();
        VirtioRng device = new VirtioRng(new HostEntropy(), VirtioRngOptions.DEFAULT, "test");
        VirtioRig transport = new VirtioRig(VirtioRig.Carrier.PCI_MSIX, device, memory, loop);
        QueueDriver queue = new QueueDriver(memory, 0x1000, 8, false);
        assertTrue(transport.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        transport.driver().setUpQueue(0, queue);
        transport.driver().driverOk();

        byte[] first = request(transport, queue, loop);
        byte[] second = request(transport, queue, loop);

        assertFalse(Arrays.equals(first, second));
        assertFalse(Arrays.equals(first, new byte[first.length]));
    }

    private byte[] request(VirtioRig transport, QueueDriver queue, ManualEventLoop loop) {
        queue.offer(Buffer.writable(BUFFER_GPA, 8), Buffer.writable(BUFFER_GPA + 0x1000, 24));
        transport.driver().notifyQueue(0);
        loop.runReady();
        assertTrue(queue.pollUsed());
        assertEquals(32, queue.usedLengthBytes());
        byte[] bytes = new byte[32];
        memory.read(BUFFER_GPA, bytes, 0, 8);
        memory.read(BUFFER_GPA + 0x1000, bytes, 8, 24);
        return bytes;
    }

    @Test
    void fillAllocatesNothing() {
        HostEntropy source = new HostEntropy();
        var segment = memory.regions().get(0).segment();

        Allocations.assertNoneOnceWarm(REQUESTS, () -> {
            for (int i = 0; i < REQUESTS; i++) {
                if (source.fill(segment, BUFFER_GPA, 64) != 64) {
                    throw new AssertionError("not filled");
                }
            }
        });
    }
}

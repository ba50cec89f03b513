// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_WRITE;

/** The whole way of input and output, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioConsoleAllocationTest {
    private static final int BUFFERS = 10_000;

    /** A host without memory. */
    private static final class EndlessHost implements ConsoleBackend {
        private final MemorySegment source = Arena.ofAuto().allocate(4096);
        private @Nullable Port port;

        @Override
        public void attach(EventLoop loop, Port newPort) {
            port = newPort;
        }

        void come(int bytes) {
            if (port == null || port.receiveRoom() < bytes) {
                throw new AssertionError("no room");
            }
            port.receive(source, 0, bytes);
        }

        void goOn() {
            if (port != null) {
                port.transmitReady();
            }
        }

        @Override
        public int transmit(MemorySegment from, long offset, int lengthBytes) {
            return lengthBytes > 1 ? lengthBytes / 2 : 1;
        }

        @Override
        public void receiveReady() {}
    }

    private final ManualEventLoop loop = new ManualEventLoop();
    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);
    private final QueueDriver receive = new QueueDriver(memory, 0x1000, 8, true);
    private final QueueDriver transmit = new QueueDriver(memory, 0x2000, 8, true);
    private final EndlessHost host = new EndlessHost();

    @Test
    void inputAndOutputAllocateNothing() {
        VirtioConsole device =
                new VirtioConsole(List.of(ConsolePort.console(host)), new VirtioConsoleOptions(), loop, "test");
        VirtioRig rig = new VirtioRig(VirtioRig.Carrier.MMIO, device, memory, loop);
        rig.driver().negotiate(VirtioFeatures.VIRTIO_F_EVENT_IDX | VirtioFeatures.VIRTIO_F_VERSION_1);
        rig.driver().setUpQueue(0, receive);
        rig.driver().setUpQueue(1, transmit);
        rig.driver().driverOk();
        receive.writeDescriptor(0, 0x1_0000, 4096, VIRTQ_DESC_F_WRITE, 0);
        transmit.writeDescriptor(0, 0x2_0000, 1000, 0, 0);

        Allocations.assertNoneOnceWarm(BUFFERS, () -> {
            for (int i = 0; i < BUFFERS; i++) {
                receive.addHead(0);
                receive.publish();
                rig.driver().notifyQueue(0);
                host.come(1 + i % 4096);
                transmit.addHead(0);
                transmit.publish();
                rig.driver().notifyQueue(1);
                for (int j = 0; j < 12; j++) {
                    host.goOn();
                }
                rig.driver().writeConfig(8, 1, i);
                loop.runReady();
                if (!receive.pollUsed() || !transmit.pollUsed()) {
                    throw new AssertionError("not used");
                }
                receive.enableInterrupts();
                transmit.enableInterrupts();
            }
        });
    }
}

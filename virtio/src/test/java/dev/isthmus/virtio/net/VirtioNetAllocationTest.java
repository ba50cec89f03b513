// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.Rate;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_WRITE;

/** The whole way of a packet, from the notification to the interrupt, allocates nothing once it is warm. */
class VirtioNetAllocationTest {
    private static final int PACKETS = 10_000;
    private static final long FRAMES_GPA = 0x1_0000;
    private static final int BUFFER_BYTES = 0x4000;

    /** A network without memory: takes everything, and gives a packet for each that is due. */
    private static final class EndlessNetwork implements NetBackend {
        private final int packetBytes;
        private int due;

        EndlessNetwork(int packetBytes) {
            this.packetBytes = packetBytes;
        }

        @Override
        public int queuePairs() {
            return 1;
        }

        @Override
        public long offloads() {
            return NetTestRig.ALL_OFFLOADS;
        }

        @Override
        public boolean linkUp() {
            return true;
        }

        @Override
        public void attach(Listener listener) {
            // Tells nothing: the driver's notifications have the device look.
        }

        @Override
        public void start(EventLoop loop) {}

        @Override
        public void stop() {}

        @Override
        public void setGuestOffloads(long offloads) {}

        @Override
        public void setActivePairs(int pairs) {}

        @Override
        public SendOutcome send(int pair, ScatterView packet) {
            return SendOutcome.TAKEN;
        }

        @Override
        public int receive(int pair, ScatterView target) {
            if (due == 0) {
                return NOTHING;
            }
            due--;
            for (int i = 0; i < VirtioNetProtocol.HEADER_BYTES; i++) {
                target.setByte(i, (byte) 0);
            }
            return packetBytes;
        }

        @Override
        public void setReceiving(int pair, boolean on) {}
    }

    private final ManualEventLoop loop = new ManualEventLoop();
    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);
    private final QueueDriver receive = new QueueDriver(memory, 0x1000, 16, true);
    private final QueueDriver transmit = new QueueDriver(memory, 0x2000, 16, true);

    private VirtioRig bringUp(EndlessNetwork network, boolean limited) {
        VirtioNet device = new VirtioNet(network, NetTestRig.options(), "test");
        if (limited) {
            Rate rate = new Rate(100, 200, 2);
            device.setLimits(new NetLimits(rate, Rate.UNLIMITED, rate, Rate.UNLIMITED));
        }
        VirtioRig rig = new VirtioRig(VirtioRig.Carrier.MMIO, device, memory, loop);
        rig.driver().negotiate(NetTestRig.ALL_OFFLOADS
                | VirtioNetProtocol.VIRTIO_NET_F_MRG_RXBUF
                | VirtioFeatures.VIRTIO_F_EVENT_IDX
                | VirtioFeatures.VIRTIO_F_VERSION_1);
        rig.driver().setUpQueue(0, receive);
        rig.driver().setUpQueue(1, transmit);
        rig.driver().driverOk();
        return rig;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sentPacketAllocatesNothing(boolean limited) {
        VirtioRig rig = bringUp(new EndlessNetwork(0), limited);
        transmit.writeDescriptor(0, FRAMES_GPA, 1526, 0, 0);

        Allocations.assertNoneOnceWarm(PACKETS, () -> {
            for (int i = 0; i < PACKETS; i++) {
                transmit.addHead(0);
                transmit.publish();
                rig.driver().notifyQueue(1);
                loop.runReady();
                // Lets a packet go that waits for its rate.
                loop.advanceNanos(10_000_000);
                if (!transmit.pollUsed()) {
                    throw new AssertionError("not used");
                }
                transmit.enableInterrupts();
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"76, false", "1526, false", "65562, false", "1526, true"})
    void receivedPacketAllocatesNothing(int packetBytes, boolean limited) {
        EndlessNetwork network = new EndlessNetwork(packetBytes);
        VirtioRig rig = bringUp(network, limited);
        for (int i = 0; i < 16; i++) {
            receive.writeDescriptor(i, FRAMES_GPA + (long) i * BUFFER_BYTES, BUFFER_BYTES, VIRTQ_DESC_F_WRITE, 0);
            receive.addHead(i);
        }
        receive.publish();

        Allocations.assertNoneOnceWarm(PACKETS, () -> {
            for (int i = 0; i < PACKETS; i++) {
                network.due = 1;
                rig.driver().notifyQueue(0);
                loop.runReady();
                loop.advanceNanos(10_000_000);
                boolean any = false;
                while (receive.pollUsed()) {
                    any = true;
                    receive.addHead(receive.usedId());
                }
                if (!any) {
                    throw new AssertionError("not used");
                }
                receive.publish();
                receive.enableInterrupts();
            }
        });
    }
}

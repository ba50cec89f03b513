// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.EventLoop;
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
class VirtioVsockAllocationTest {
    private static final int PACKETS = 10_000;
    private static final int QUEUE_SIZE = 16;
    private static final long REQUEST_GPA = 0x1_0000;
    private static final long DATA_GPA = 0x1_1000;
    private static final long CREDIT_GPA = 0x1_8000;
    private static final long RECEIVE_GPA = 0x2_0000;
    private static final int BUFFER_BYTES = 4096;
    private static final int DATA_BYTES = 8000;

    /** A program without memory: takes everything, half of it only when asked again, and gives what is due. */
    private static final class EndlessProgram implements VsockConnection, VsockBackend {
        private final boolean slow;
        private @Nullable Events events;
        private long due;
        private boolean full;
        private boolean watchesWrite;

        EndlessProgram(boolean slow) {
            this.slow = slow;
        }

        @Override
        public void attach(Listener listener) {}

        @Override
        public void start(EventLoop loop) {}

        @Override
        public void stop() {}

        @Override
        public VsockConnection connect(long hostPort) {
            return this;
        }

        @Override
        public void attach(Events newEvents) {
            events = newEvents;
        }

        @Override
        public boolean opened(long hostPort) {
            return true;
        }

        void come(int bytes) {
            due += bytes;
            if (events != null) {
                events.readable();
            }
        }

        void goOn() {
            full = false;
            if (events != null && watchesWrite) {
                events.writable();
            }
        }

        @Override
        public int read(ScatterView target) {
            if (due == 0) {
                return WOULD_BLOCK;
            }
            int count = (int) Math.min(due, target.totalBytes());
            due -= count;
            return count;
        }

        @Override
        public int write(ScatterView source) {
            if (full) {
                return WOULD_BLOCK;
            }
            full = slow;
            long count = source.totalBytes();
            return (int) (slow && count > 1 ? count / 2 : count);
        }

        @Override
        public void watch(boolean readable, boolean writable) {
            watchesWrite = writable;
        }

        @Override
        public void endOutput() {}

        @Override
        public void endInput() {}

        @Override
        public void close() {}
    }

    private final ManualEventLoop loop = new ManualEventLoop();
    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);
    private final QueueDriver receive = new QueueDriver(memory, 0x1000, QUEUE_SIZE, true);
    private final QueueDriver transmit = new QueueDriver(memory, 0x2000, QUEUE_SIZE, true);
    private final QueueDriver events = new QueueDriver(memory, 0x3000, QUEUE_SIZE, true);

    private VirtioRig bringUp(EndlessProgram program) {
        VirtioVsock device = new VirtioVsock(program, VsockTestRig.options(), "test");
        VirtioRig rig = new VirtioRig(VirtioRig.Carrier.MMIO, device, memory, loop);
        rig.driver().negotiate(VirtioFeatures.VIRTIO_F_EVENT_IDX | VirtioFeatures.VIRTIO_F_VERSION_1);
        rig.driver().setUpQueue(0, receive);
        rig.driver().setUpQueue(1, transmit);
        rig.driver().setUpQueue(2, events);
        rig.driver().driverOk();
        for (int i = 0; i < QUEUE_SIZE; i++) {
            receive.writeDescriptor(
                    i, RECEIVE_GPA + (long) i * BUFFER_BYTES, BUFFER_BYTES, VIRTQ_DESC_F_WRITE, 0);
            receive.addHead(i);
        }
        receive.publish();
        writePacket(REQUEST_GPA, VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST, 0);
        writePacket(DATA_GPA, VirtioVsockProtocol.VIRTIO_VSOCK_OP_RW, DATA_BYTES);
        writePacket(CREDIT_GPA, VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
        send(rig, 0, REQUEST_GPA, Packet.HEADER_BYTES);
        return rig;
    }

    private void writePacket(long gpa, int op, int dataBytes) {
        Packet packet = VsockTestRig.packet(op, new byte[dataBytes]);
        byte[] bytes = packet.withCredit(0x4000_0000, 0).bytes();
        memory.write(gpa, bytes, 0, bytes.length);
    }

    private void send(VirtioRig rig, int descriptor, long gpa, int lengthBytes) {
        transmit.writeDescriptor(descriptor, gpa, lengthBytes, 0, 0);
        transmit.addHead(descriptor);
        transmit.publish();
        rig.driver().notifyQueue(1);
        loop.runReady();
        if (!transmit.pollUsed()) {
            throw new AssertionError("not used");
        }
        transmit.enableInterrupts();
    }

    /** Hands receive buffers back, and returns how many came. */
    private int recycle(VirtioRig rig) {
        int count = 0;
        while (receive.pollUsed()) {
            count++;
            receive.addHead(receive.usedId());
        }
        receive.publish();
        receive.enableInterrupts();
        rig.driver().notifyQueue(0);
        return count;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sentPacketAllocatesNothing(boolean slow) {
        EndlessProgram program = new EndlessProgram(slow);
        VirtioRig rig = bringUp(program);

        Allocations.assertNoneOnceWarm(PACKETS, () -> {
            for (int i = 0; i < PACKETS; i++) {
                send(rig, 1, DATA_GPA, Packet.HEADER_BYTES + DATA_BYTES);
                for (int j = 0; j < 20; j++) {
                    program.goOn();
                }
                recycle(rig);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4000, 20_000})
    void receivedPacketAllocatesNothing(int bytes) {
        EndlessProgram program = new EndlessProgram(false);
        VirtioRig rig = bringUp(program);
        recycle(rig);
        int[] received = {0};
        ByteBuffer fwdCnt = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);

        Allocations.assertNoneOnceWarm(PACKETS, () -> {
            for (int i = 0; i < PACKETS; i++) {
                program.come(bytes);
                received[0] += bytes;
                if (recycle(rig) == 0) {
                    throw new AssertionError("not used");
                }
                fwdCnt.putInt(0, received[0]);
                memory.write(CREDIT_GPA + 40, fwdCnt.array(), 0, Integer.BYTES);
                send(rig, 2, CREDIT_GPA, Packet.HEADER_BYTES);
            }
        });
    }
}

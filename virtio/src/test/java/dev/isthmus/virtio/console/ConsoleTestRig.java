// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A console device behind its transport, with a driver, in the hands of a test. */
final class ConsoleTestRig {
    static final int QUEUE_SIZE = 8;
    static final int CONTROL_RECEIVE = 2;
    static final int CONTROL_TRANSMIT = 3;
    static final int BUFFER_BYTES = 64;
    private static final long QUEUES_GPA = 0x1000;
    private static final long QUEUE_BYTES = 0x1000;
    private static final long BUFFERS_GPA = 0x8_0000;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);
    final ManualEventLoop loop = new ManualEventLoop();
    final VirtioConsole device;
    final VirtioRig transport;
    final VirtioDriver driver;
    private final boolean packed;
    RingDriver[] queues = {};
    private final Map<Long, Long> buffers = new HashMap<>();

    /** A message of a control queue. */
    record Message(int id, int event, int value, byte[] more) {
        String text() {
            return new String(more, StandardCharsets.UTF_8);
        }

        @Override
        public String toString() {
            return id + " " + event + " " + value;
        }
    }

    ConsoleTestRig(VirtioRig.Carrier carrier, boolean packed, ConsolePort... ports) {
        this.packed = packed;
        device = new VirtioConsole(List.of(ports), new VirtioConsoleOptions(QUEUE_SIZE, packed), loop, "test");
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
    }

    ConsoleTestRig(ConsolePort... ports) {
        this(VirtioRig.Carrier.MMIO, false, ports);
    }

    /** Brings the device up, without buffers. */
    ConsoleTestRig up(long features) {
        long ringFeatures = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(features | ringFeatures | VirtioFeatures.VIRTIO_F_VERSION_1));
        boolean multiport = (features & VirtioConsoleProtocol.VIRTIO_CONSOLE_F_MULTIPORT) != 0;
        boolean eventIdx = (features & VirtioFeatures.VIRTIO_F_EVENT_IDX) != 0;
        queues = new RingDriver[multiport ? device.queueCount() : 2];
        buffers.clear();
        for (int i = 0; i < queues.length; i++) {
            long gpa = QUEUES_GPA + i * QUEUE_BYTES;
            queues[i] = packed
                    ? new PackedQueueDriver(memory, gpa, QUEUE_SIZE, eventIdx)
                    : new QueueDriver(memory, gpa, QUEUE_SIZE, eventIdx);
            driver.setUpQueue(i, queues[i]);
        }
        driver.driverOk();
        loop.runReady();
        return this;
    }

    /** Brings the device up as Linux does, with all its ports. */
    ConsoleTestRig upWithPorts() {
        up(device.offeredFeatures());
        for (int i = 0; i < queues.length; i++) {
            if (i % 2 == 0) {
                fill(i);
            }
        }
        control(0xffff_ffff, VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_READY, 1);
        return this;
    }

    /** Answers each port that was added, and opens it. */
    void openPorts() {
        Deque<Message> received = new ArrayDeque<>(messages());
        while (!received.isEmpty()) {
            Message message = received.remove();
            if (message.event() == VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_ADD) {
                control(message.id(), VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_READY, 1);
                received.addAll(messages());
                control(message.id(), VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_OPEN, 1);
            }
            received.addAll(messages());
        }
    }

    static int receiveQueue(int port) {
        return port == 0 ? 0 : 2 * port + 2;
    }

    static int transmitQueue(int port) {
        return receiveQueue(port) + 1;
    }

    void notifyQueue(int index) {
        driver.notifyQueue(index);
        loop.runReady();
    }

    /** Offers as many buffers as a queue has room for. */
    void fill(int queue) {
        for (int slot = 0; slot < QUEUE_SIZE; slot++) {
            long gpa = BUFFERS_GPA + ((long) queue * QUEUE_SIZE + slot) * 2 * BUFFER_BYTES;
            if (!buffers.containsValue(gpa) && queues[queue].freeDescriptors() > 0) {
                offer(queue, Buffer.writable(gpa, BUFFER_BYTES));
            }
        }
        notifyQueue(queue);
    }

    void offer(int queue, Buffer... pieces) {
        int id = queues[queue].offer(pieces);
        buffers.put((long) queue << Integer.SIZE | id, pieces[0].gpa());
    }

    /** Takes the next buffer that was used, or null. */
    byte[] take(int queue) {
        assertTrue(queues[queue].pollUsed(), "nothing came");
        long key = (long) queue << Integer.SIZE | queues[queue].usedId();
        byte[] bytes = new byte[(int) queues[queue].usedLengthBytes()];
        memory.read(Objects.requireNonNull(buffers.remove(key)), bytes, 0, bytes.length);
        return bytes;
    }

    /** Takes all input of a port, and offers its buffers again. */
    String input(int port) {
        StringBuilder text = new StringBuilder();
        int queue = receiveQueue(port);
        while (queues[queue].pollUsed()) {
            long key = (long) queue << Integer.SIZE | queues[queue].usedId();
            byte[] bytes = new byte[(int) queues[queue].usedLengthBytes()];
            memory.read(Objects.requireNonNull(buffers.remove(key)), bytes, 0, bytes.length);
            text.append(new String(bytes, StandardCharsets.UTF_8));
        }
        fill(queue);
        return text.toString();
    }

    /** Takes all control messages, and offers their buffers again. */
    List<Message> messages() {
        List<Message> messages = new ArrayList<>();
        while (queues[CONTROL_RECEIVE].pollUsed()) {
            long key = (long) CONTROL_RECEIVE << Integer.SIZE | queues[CONTROL_RECEIVE].usedId();
            byte[] bytes = new byte[(int) queues[CONTROL_RECEIVE].usedLengthBytes()];
            memory.read(Objects.requireNonNull(buffers.remove(key)), bytes, 0, bytes.length);
            ByteBuffer fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            byte[] more = new byte[bytes.length - 8];
            System.arraycopy(bytes, 8, more, 0, more.length);
            messages.add(new Message(
                    fields.getInt(0),
                    Short.toUnsignedInt(fields.getShort(4)),
                    Short.toUnsignedInt(fields.getShort(6)),
                    more));
        }
        fill(CONTROL_RECEIVE);
        return messages;
    }

    /** Sends a control message, which the device hands back at once. */
    void control(int id, int event, int value) {
        long gpa = 0x7_0000;
        memory.writeU32(gpa, id);
        memory.writeU16(gpa + 4, event);
        memory.writeU16(gpa + 6, value);
        queues[CONTROL_TRANSMIT].offer(Buffer.readable(gpa, 8));
        notifyQueue(CONTROL_TRANSMIT);
        assertTrue(queues[CONTROL_TRANSMIT].pollUsed());
        assertEquals(0, queues[CONTROL_TRANSMIT].usedLengthBytes());
    }

    /** Makes output of a port available and notifies. */
    void output(int port, byte[] bytes) {
        long gpa = 0x6_0000;
        memory.write(gpa, bytes, 0, bytes.length);
        queues[transmitQueue(port)].offer(Buffer.readable(gpa, bytes.length));
        notifyQueue(transmitQueue(port));
    }

    void output(int port, String text) {
        output(port, text.getBytes(StandardCharsets.UTF_8));
    }

    boolean outputUsed(int port) {
        return queues[transmitQueue(port)].pollUsed();
    }

    /** Returns a counter. */
    long counter(String name) {
        long[] found = {-1};
        device.statistics().report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
        return found[0];
    }
}

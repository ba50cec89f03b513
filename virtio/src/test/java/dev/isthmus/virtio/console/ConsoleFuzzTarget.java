// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes control messages and data of a driver, among what the host's ends and the machine do. Every message is handed
 * back, the device keeps the contract of the host's ends (the fakes see to it), says only what is sound, and works after a
 * reset.
 *
 * <pre>
 *  input   transport, ring format
 *          steps: messages, buffers, data, events of the host
 * </pre>
 */
public final class ConsoleFuzzTarget {
    private static final int STEPS_MAX = 500;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;
    private static final int PORTS = 3;

    private final FakeConsoleBackend[] backends = new FakeConsoleBackend[PORTS];
    private final FuzzInput input;
    private final ConsoleTestRig rig;

    private ConsoleFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        for (int i = 0; i < PORTS; i++) {
            backends[i] = new FakeConsoleBackend();
        }
        rig = new ConsoleTestRig(
                input.one(List.of(VirtioRig.Carrier.values())),
                input.bit(),
                ConsolePort.console(backends[0]),
                ConsolePort.named(backends[1], "one"),
                new ConsolePort(backends[2], "two", true));
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new ConsoleFuzzTarget(bytes).run());
    }

    /** Returns the set-up of ports, data and their removal, for each transport and ring format. */
    public static List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        for (int carrier = 0; carrier < 3; carrier++) {
            for (int packed = 0; packed < 2; packed++) {
                seeds.add(seed(carrier, packed));
            }
        }
        return seeds;
    }

    private static byte[] seed(int carrier, int packed) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        step(bytes, carrier, packed);
        for (int port = 0; port < PORTS; port++) {
            step(bytes, 0, port, 3, 1); // PORT_READY
            step(bytes, 0, port, 6, 1); // PORT_OPEN
            step(bytes, 1); // takes messages
            step(bytes, 2, port, 0, 50); // host sends
            step(bytes, 3, port); // takes input
            step(bytes, 4, port, 40); // guest sends
            step(bytes, 2, port, 1, 10); // host takes little
            step(bytes, 4, port, 200);
            step(bytes, 2, port, 1, 255);
            step(bytes, 2, port, 2, 0); // host goes
            step(bytes, 2, port, 3, 80); // resize
        }
        step(bytes, 5, 1, 0, 5, 1, 1, 6); // unplugged, plugged, emergency
        return bytes.toByteArray();
    }

    private static void step(ByteArrayOutputStream bytes, int... values) {
        for (int value : values) {
            bytes.write(value);
        }
    }

    private void run() {
        rig.upWithPorts();
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(9)) {
                case 0 -> message();
                case 1 -> takeMessages();
                case 2 -> host();
                case 3 -> takeInput(input.below(PORTS));
                case 4 -> output(ConsoleTestRig.transmitQueue(input.below(PORTS)), input.u8());
                case 5 -> rig.device.setPlugged(1 + input.below(PORTS - 1), input.bit());
                case 6 -> rig.driver.writeConfig(input.u8(), 1 + input.below(4), input.u8());
                case 7 -> output(ConsoleTestRig.CONTROL_TRANSMIT, input.u8());
                default -> oddBuffer();
            }
            rig.loop.runReady();
            if ((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
                rig.driver.reset();
                rig.upWithPorts();
            }
        }
        rig.driver.reset();
        backends[0].room = Integer.MAX_VALUE;
        rig.upWithPorts();
        rig.openPorts();
        int before = backends[0].taken().length;
        rig.output(0, "works");
        assertEquals(before + 5, backends[0].taken().length);
    }

    private void message() {
        int id = input.below(PORTS + 1);
        int event = input.below(9);
        if (rig.queues[ConsoleTestRig.CONTROL_TRANSMIT].freeDescriptors() > 0) {
            rig.memory.writeU32(0x7_0000, id);
            rig.memory.writeU16(0x7_0004, event);
            rig.memory.writeU16(0x7_0006, input.u8());
            output(ConsoleTestRig.CONTROL_TRANSMIT, 8);
        }
    }

    private void output(int queue, int length) {
        RingDriver ring = rig.queues[queue];
        while (ring.pollUsed()) {
            assertEquals(0, ring.usedLengthBytes());
        }
        if (ring.freeDescriptors() > 0) {
            ring.offer(Buffer.readable(0x7_0000, length));
            rig.notifyQueue(queue);
        }
    }

    private void takeMessages() {
        for (ConsoleTestRig.Message message : rig.messages()) {
            assertTrue(message.id() >= 0 && message.id() < PORTS);
            assertTrue(message.event() >= 1 && message.event() <= 7 && message.event() != 3);
        }
    }

    private void takeInput(int port) {
        String _ = rig.input(port);
    }

    private void host() {
        FakeConsoleBackend backend = backends[input.below(PORTS)];
        int what = input.below(4);
        int value = input.u8();
        switch (what) {
            case 0 -> backend.type(new byte[value]);
            case 1 -> backend.makeRoom(value);
            case 2 -> backend.port().setHostOpen((value & 1) != 0);
            default -> rig.device.resize(value % PORTS, value, 255 - value);
        }
    }

    /** A buffer that a driver has no reason to offer. */
    private void oddBuffer() {
        int queue = input.below(2 * PORTS + 2);
        long length = input.u8();
        if (rig.queues[queue].freeDescriptors() > 1) {
            rig.offer(
                    queue,
                    new Buffer(0x7_1000 + length * 256, length, input.bit()),
                    Buffer.writable(0x7_2000, input.u8()));
            rig.notifyQueue(queue);
        }
    }
}

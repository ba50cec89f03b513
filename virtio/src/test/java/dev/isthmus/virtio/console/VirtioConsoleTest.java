// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.EventLoop;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_CONSOLE_PORT;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_ADD;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_READY;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_REMOVE;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_F_EMERG_WRITE;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_F_MULTIPORT;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_F_SIZE;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_NAME;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_OPEN;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_READY;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.VIRTIO_CONSOLE_RESIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The device by the clauses of virtio 1.2, section 5.3. */
class VirtioConsoleTest {
    private final FakeConsoleBackend console = new FakeConsoleBackend();
    private final FakeConsoleBackend agent = new FakeConsoleBackend();

    private ConsoleTestRig single() {
        return new ConsoleTestRig(ConsolePort.console(console));
    }

    private ConsoleTestRig multi() {
        return new ConsoleTestRig(ConsolePort.console(console), ConsolePort.named(agent, "org.example.agent"));
    }

    private static List<String> texts(List<ConsoleTestRig.Message> messages) {
        return messages.stream().map(ConsoleTestRig.Message::toString).toList();
    }

    // 5.3.2 to 5.3.4: what the driver finds.

    @Test
    void singleConsoleHasTwoQueuesAndNoPorts() {
        ConsoleTestRig rig = single();

        assertEquals(3, rig.device.deviceId());
        assertEquals(2, rig.device.queueCount());
        assertEquals(VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_EMERG_WRITE, rig.device.offeredFeatures());
        assertEquals(0, rig.driver.readConfig(4, 4));
    }

    @Test
    void severalPortsHaveTheirQueuesAndControlQueues() {
        ConsoleTestRig rig = multi();

        assertEquals(6, rig.device.queueCount());
        assertTrue((rig.device.offeredFeatures() & VIRTIO_CONSOLE_F_MULTIPORT) != 0);
        assertEquals(2, rig.driver.readConfig(4, 4));
    }

    @Test
    void onlyPortWithANameOrForProgramsIsOneOfSeveral() {
        assertEquals(4, new ConsoleTestRig(ConsolePort.named(agent, "")).device.queueCount());
        assertEquals(4, new ConsoleTestRig(new ConsolePort(console, "x", true)).device.queueCount());
    }

    @Test
    void configurationOutOfRangeIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new ConsoleTestRig());
        List<ConsolePort> many = new ArrayList<>();
        for (int i = 0; i <= VirtioConsole.PORTS_MAX; i++) {
            many.add(ConsolePort.named(new FakeConsoleBackend(), "p" + i));
        }
        assertThrows(IllegalArgumentException.class, () -> new ConsoleTestRig(many.toArray(ConsolePort[]::new)));
        assertThrows(IllegalArgumentException.class, () -> ConsolePort.named(agent, "a/b"));
        assertThrows(IllegalArgumentException.class, () -> ConsolePort.named(agent, "a\nb"));
        assertThrows(IllegalArgumentException.class, () -> ConsolePort.named(agent, "x".repeat(129)));
        assertThrows(IllegalArgumentException.class, () -> new VirtioConsoleOptions(3, false));
        assertThrows(IllegalArgumentException.class, () -> new VirtioConsoleOptions(1, false));
        assertThrows(IllegalArgumentException.class, () -> new VirtioConsoleOptions(1 << 16, false));
        ConsoleTestRig rig = multi();
        assertThrows(IllegalArgumentException.class, () -> rig.device.resize(0, 65536, 1));
        assertThrows(IllegalArgumentException.class, () -> rig.device.resize(0, 1, -1));
        assertThrows(IndexOutOfBoundsException.class, () -> rig.device.resize(2, 1, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> rig.device.setPlugged(0, false));
    }

    // 5.3.6: data, over every transport and ring.

    @ParameterizedTest
    @CsvSource({
        "MMIO, false, false", "PCI_MSIX, false, true", "PCI_INTX, false, false", "MMIO, true, true",
        "PCI_MSIX, true, false", "PCI_INTX, true, true"
    })
    void consolePassesInputAndOutput(VirtioRig.Carrier carrier, boolean packed, boolean eventIdx) {
        ConsoleTestRig rig = new ConsoleTestRig(carrier, packed, ConsolePort.console(console));
        rig.up(VIRTIO_CONSOLE_F_SIZE | (eventIdx ? VirtioFeatures.VIRTIO_F_EVENT_IDX : 0));
        rig.fill(0);
        rig.transport.takeInterrupts();

        rig.output(0, "login: ");
        assertTrue(rig.outputUsed(0));
        assertTrue(rig.transport.takeInterrupts() > 0);
        console.type("root\n");

        assertEquals("login: ", console.text());
        assertTrue(rig.transport.takeInterrupts() > 0);
        assertEquals("root\n", rig.input(0));
        assertEquals(7, rig.counter("transmit_bytes"));
        assertEquals(5, rig.counter("receive_bytes"));
    }

    @Test
    void buffersMayBeInAnyPieces() {
        // 2.7.4.1.
        ConsoleTestRig rig = single().up(0);
        rig.offer(0, Buffer.writable(0xa0000, 1), Buffer.writable(0xa0001, 2), Buffer.writable(0xa0003, 60));
        rig.notifyQueue(0);
        console.type("abcdef");
        assertArrayEquals(new byte[] {'a', 'b', 'c', 'd', 'e', 'f'}, rig.take(0));
        rig.memory.write(0x6_0000, new byte[] {'x', 'y', 'z'}, 0, 3);

        rig.queues[1].offer(Buffer.readable(0x6_0000, 1), Buffer.readable(0x6_0001, 2));
        rig.notifyQueue(1);

        assertEquals("xyz", console.text());
    }

    @Test
    void inputWaitsOnTheHostUntilThereAreBuffers() {
        ConsoleTestRig rig = single().up(0);
        String text = "0123456789".repeat(100);

        console.type(text);
        assertEquals(1000, console.waiting());
        StringBuilder received = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            received.append(rig.input(0));
        }

        assertEquals(text, received.toString());
        assertTrue(rig.counter("receive_no_room") > 0);
    }

    @Test
    void inputBeforeTheDriverComesWaits() {
        ConsoleTestRig rig = single();
        console.type("early");

        rig.up(0);
        rig.fill(0);

        assertEquals("early", rig.input(0));
    }

    @Test
    void outputWaitsInTheGuestWhileTheHostIsFull() {
        ConsoleTestRig rig = single().up(0);
        console.room = 5;

        rig.output(0, "hello world");
        assertFalse(rig.outputUsed(0));
        rig.queues[1].offer(Buffer.readable(0x6_0000, 5));
        rig.notifyQueue(1);
        assertEquals("hello", console.text());
        console.makeRoom(3);
        assertFalse(rig.outputUsed(0));
        console.makeRoom(100);

        assertTrue(rig.outputUsed(0));
        assertTrue(rig.outputUsed(0));
        assertEquals("hello worldhello", console.text());
        assertEquals(2, rig.counter("transmit_full"));
    }

    @Test
    void outputOfAnyLengthGoesOnInParts() {
        ConsoleTestRig rig = single().up(0);
        byte[] bytes = new byte[OutputQueue.ROUND_BYTES + 70_000];
        Arrays.fill(bytes, (byte) 7);
        rig.memory.write(0x8_0000, bytes, 0, bytes.length);
        rig.queues[1].offer(Buffer.readable(0x8_0000, bytes.length));

        rig.loop.call(() -> rig.transport.notifyQueue(1));
        assertEquals(OutputQueue.ROUND_BYTES, console.taken().length);
        rig.loop.runReady();

        assertArrayEquals(bytes, console.taken());
    }

    @Test
    void roundOfTheTransmitQueueIsBounded() {
        ConsoleTestRig rig = single().up(0);
        for (int i = 0; i < ConsoleTestRig.QUEUE_SIZE; i++) {
            rig.queues[1].offer(Buffer.readable(0x6_0000, 1));
        }
        rig.notifyQueue(1);

        int used = 0;
        while (rig.outputUsed(0)) {
            used++;
        }
        assertEquals(ConsoleTestRig.QUEUE_SIZE, used);
    }

    // 5.3.5, 5.3.6.2: ports.

    @Test
    void portsAreAddedOnceTheDriverIsReady() {
        ConsoleTestRig rig = multi().up(VIRTIO_CONSOLE_F_MULTIPORT);
        assertEquals(List.of(), rig.messages());
        rig.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 0);
        assertEquals(List.of(), rig.messages());

        rig.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 1);

        assertEquals(
                List.of("0 " + VIRTIO_CONSOLE_DEVICE_ADD + " 0", "1 " + VIRTIO_CONSOLE_DEVICE_ADD + " 0"),
                texts(rig.messages()));
        // The device MUST NOT specify a port which exists.
        rig.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 1);
        assertEquals(List.of(), rig.messages());
    }

    @Test
    void portThatIsReadyIsToldWhatItIs() {
        ConsoleTestRig rig = multi();
        rig.device.resize(0, 132, 43);
        rig.upWithPorts();
        rig.messages();

        rig.control(0, VIRTIO_CONSOLE_PORT_READY, 1);
        List<ConsoleTestRig.Message> first = rig.messages();
        rig.control(1, VIRTIO_CONSOLE_PORT_READY, 1);
        List<ConsoleTestRig.Message> second = rig.messages();

        assertEquals(
                List.of(
                        "0 " + VIRTIO_CONSOLE_CONSOLE_PORT + " 1",
                        "0 " + VIRTIO_CONSOLE_PORT_OPEN + " 1",
                        "0 " + VIRTIO_CONSOLE_RESIZE + " 0"),
                texts(first));
        // le16 cols, le16 rows.
        assertArrayEquals(new byte[] {(byte) 132, 0, 43, 0}, first.getLast().more());
        assertEquals(
                List.of("1 " + VIRTIO_CONSOLE_PORT_NAME + " 1", "1 " + VIRTIO_CONSOLE_PORT_OPEN + " 1"),
                texts(second));
        assertEquals("org.example.agent", second.getFirst().text());
    }

    @Test
    void portTakesInputOnlyWhileTheGuestHasItOpen() {
        ConsoleTestRig rig = multi().upWithPorts();
        agent.type("early");
        rig.openPorts();
        assertTrue(agent.guestOpen());
        assertEquals("early", rig.input(1));

        rig.control(1, VIRTIO_CONSOLE_PORT_OPEN, 0);
        agent.type("later");
        assertEquals("", rig.input(1));
        assertEquals(5, agent.waiting());
        rig.control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);

        assertEquals("later", rig.input(1));
        assertEquals(List.of(true, false, true), agent.opened);
    }

    @Test
    void portsPassDataApart() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.openPorts();

        rig.output(0, "for the console");
        rig.output(1, "for the agent");
        console.type("c");
        agent.type("a");

        assertEquals("for the console", console.text());
        assertEquals("for the agent", agent.text());
        assertEquals("c", rig.input(0));
        assertEquals("a", rig.input(1));
    }

    @Test
    void mostPortsWork() {
        FakeConsoleBackend[] backends = new FakeConsoleBackend[VirtioConsole.PORTS_MAX];
        ConsolePort[] ports = new ConsolePort[backends.length];
        for (int i = 0; i < ports.length; i++) {
            backends[i] = new FakeConsoleBackend();
            ports[i] = i == 0 ? ConsolePort.console(backends[i]) : ConsolePort.named(backends[i], "port" + i);
        }
        ConsoleTestRig rig = new ConsoleTestRig(ports);
        rig.upWithPorts();
        rig.openPorts();

        for (int i = 0; i < ports.length; i++) {
            rig.output(i, "out " + i);
            backends[i].type("in " + i);
            assertEquals("out " + i, backends[i].text());
            assertEquals("in " + i, rig.input(i));
        }
    }

    @Test
    void hostThatComesAndGoesIsTold() {
        ConsoleTestRig rig = multi();
        agent.port().setHostOpen(false);
        rig.upWithPorts();
        rig.openPorts();
        assertEquals(List.of(), rig.messages());

        agent.port().setHostOpen(true);
        assertEquals(List.of("1 " + VIRTIO_CONSOLE_PORT_OPEN + " 1"), texts(rig.messages()));
        agent.port().setHostOpen(false);
        agent.port().setHostOpen(false);

        assertEquals(List.of("1 " + VIRTIO_CONSOLE_PORT_OPEN + " 0"), texts(rig.messages()));
    }

    @Test
    void messagesWaitForBuffersAndDoNotQueueUp() {
        ConsoleTestRig rig = multi();
        rig.up(VIRTIO_CONSOLE_F_MULTIPORT);
        rig.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 1);
        for (int i = 0; i < 1000; i++) {
            agent.port().setHostOpen(i % 2 == 0);
            rig.device.resize(0, i, i);
            rig.loop.runReady();
        }

        rig.fill(ConsoleTestRig.CONTROL_RECEIVE);

        assertEquals(2, rig.messages().size());
    }

    @Test
    void portIsTakenAwayAndGivenBack() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.openPorts();
        agent.room = 0;
        rig.output(1, "stuck");
        assertEquals(64, agent.port().receiveRoom());

        rig.device.setPlugged(1, false);

        assertEquals(List.of("1 " + VIRTIO_CONSOLE_DEVICE_REMOVE + " 0"), texts(rig.messages()));
        assertFalse(agent.guestOpen());
        // The driver frees its buffers now: none is held.
        assertTrue(rig.outputUsed(1));
        assertEquals(0, rig.take(ConsoleTestRig.receiveQueue(1)).length);
        agent.type("kept");
        assertEquals(4, agent.waiting());
        agent.makeRoom(Integer.MAX_VALUE);
        assertEquals("", agent.text());
        rig.device.setPlugged(1, true);
        rig.openPorts();
        rig.output(1, "again");
        assertEquals("again", agent.text());
        assertEquals("kept", rig.input(1));
    }

    @Test
    void portThatTheDriverCannotUseStaysClosed() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.messages();

        rig.control(1, VIRTIO_CONSOLE_PORT_READY, 0);
        rig.control(1, VIRTIO_CONSOLE_PORT_OPEN, 1);

        assertEquals(List.of(), rig.messages());
        assertFalse(agent.guestOpen());
        assertEquals(1, rig.counter("control_invalid"));
    }

    @ParameterizedTest
    @CsvSource({"2, 3, 1", "-1, 6, 1", "0, 1, 0", "0, 2, 0", "0, 4, 1", "0, 5, 0", "0, 7, 1", "0, 8, 0", "1, 65535, 9"})
    void messageWithoutAMeaningIsIgnored(int id, int event, int value) {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.openPorts();

        rig.control(id, event, value);

        assertEquals(List.of(), rig.messages());
        assertEquals(1, rig.counter("control_invalid"));
        assertTrue(agent.guestOpen() && console.guestOpen());
    }

    @Test
    void messagesBeforeTheirTurnAreIgnored() {
        ConsoleTestRig rig = multi().up(VIRTIO_CONSOLE_F_MULTIPORT);

        rig.control(0, VIRTIO_CONSOLE_PORT_READY, 1);
        rig.control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);

        assertEquals(2, rig.counter("control_invalid"));
        assertFalse(console.guestOpen());
    }

    @Test
    void shortMessageIsIgnored() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.queues[3].offer(Buffer.readable(0x7_0000, 7));
        rig.notifyQueue(3);

        assertTrue(rig.queues[3].pollUsed());
        assertEquals(1, rig.counter("control_invalid"));
    }

    @Test
    void driverWithoutPortsUsesTheFirstAsAConsole() {
        ConsoleTestRig rig = multi().up(0);
        rig.fill(0);

        assertTrue(console.guestOpen());
        assertFalse(agent.guestOpen());
        console.type("x");
        assertEquals("x", rig.input(0));
        agent.port().setHostOpen(false);
        rig.device.setPlugged(1, false);
    }

    @Test
    void roundOfTheControlQueueIsBounded() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.memory.writeU32(0x7_0000, 99);
        rig.memory.writeU32(0x7_0004, VIRTIO_CONSOLE_PORT_OPEN);
        for (int i = 0; i < ConsoleTestRig.QUEUE_SIZE; i++) {
            rig.queues[3].offer(Buffer.readable(0x7_0000, 8));
        }
        rig.notifyQueue(3);

        assertEquals(ConsoleTestRig.QUEUE_SIZE, rig.counter("control_invalid"));
    }

    @Test
    void backendThatAnswersAnOpeningByOpeningIsTold() {
        FakeConsoleBackend[] backend = {new FakeConsoleBackend()};
        ConsoleBackend answering = new ConsoleBackend() {
            @Override
            public void attach(EventLoop loop, Port port) {
                backend[0].attach(loop, port);
            }

            @Override
            public int transmit(MemorySegment source, long offset, int lengthBytes) {
                return backend[0].transmit(source, offset, lengthBytes);
            }

            @Override
            public void receiveReady() {}

            @Override
            public void guestOpened(boolean open) {
                backend[0].port().setHostOpen(open);
            }
        };
        ConsoleTestRig rig = new ConsoleTestRig(ConsolePort.console(console), ConsolePort.named(answering, "a"));
        rig.upWithPorts();
        rig.openPorts();
        rig.messages();

        rig.device.setPlugged(1, false);
        rig.device.setPlugged(1, true);

        assertEquals(
                List.of("1 " + VIRTIO_CONSOLE_DEVICE_REMOVE + " 0", "1 " + VIRTIO_CONSOLE_DEVICE_ADD + " 0"),
                texts(rig.messages()));
    }

    // 5.3.4, 5.3.6: sizes.

    @Test
    void newSizeIsInTheConfigurationSpaceAndTold() {
        ConsoleTestRig rig = single().up(VIRTIO_CONSOLE_F_SIZE);
        assertEquals(0, rig.driver.readConfig(0, 4));
        rig.transport.takeInterrupts();
        int generation = rig.driver.configGeneration();

        rig.device.resize(0, 80, 25);
        rig.loop.runReady();

        assertEquals(80, rig.driver.readConfig(0, 2));
        assertEquals(25, rig.driver.readConfig(2, 2));
        assertTrue(rig.driver.configGeneration() != generation);
        assertTrue(rig.transport.takeInterrupts() > 0);
        rig.device.resize(0, 80, 25);
        rig.loop.runReady();
        assertEquals(0, rig.transport.takeInterrupts());
    }

    @Test
    void driverThatDidNotNegotiateSizesIsNotTold() {
        ConsoleTestRig rig = single().up(0);
        rig.transport.takeInterrupts();

        rig.device.resize(0, 80, 25);
        rig.loop.runReady();

        assertEquals(0, rig.transport.takeInterrupts());
    }

    @Test
    void sizesOfConsolePortsAreMessages() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.openPorts();

        rig.device.resize(0, 0x1234, 0xfffe);
        rig.device.resize(1, 5, 5);
        rig.loop.runReady();

        List<ConsoleTestRig.Message> messages = rig.messages();
        assertEquals(List.of("0 " + VIRTIO_CONSOLE_RESIZE + " 0"), texts(messages));
        assertArrayEquals(
                new byte[] {0x34, 0x12, (byte) 0xfe, (byte) 0xff},
                messages.getFirst().more());
    }

    @Test
    void anyThreadMayResize() throws Exception {
        ConsoleTestRig rig = single().up(VIRTIO_CONSOLE_F_SIZE);
        Thread other = new Thread(() -> {
            for (int i = 1; i <= 1000; i++) {
                rig.device.resize(0, i, i);
            }
        });
        other.start();
        other.join();
        rig.loop.runReady();

        assertEquals(1000L | 1000L << 16, rig.driver.readConfig(0, 4));
    }

    // 5.3.5.1: emergency writes.

    @Test
    void emergencyWriteWorksOnAnUnconfiguredDevice() {
        ConsoleTestRig rig = multi();

        for (char c : "Oops".toCharArray()) {
            rig.driver.writeConfig(8, 4, 0xffff_ff00L | c);
        }
        rig.driver.writeConfig(0, 4, 'x');
        rig.loop.runReady();

        assertEquals("Oops", console.text());
        assertEquals(4, rig.counter("emergency_bytes"));
    }

    @Test
    void emergencyWritesWaitForTheHostInABoundedNumber() {
        ConsoleTestRig rig = single();
        console.room = 10;
        int written = EmergencyOutput.CAPACITY_BYTES + 100;
        for (int i = 0; i < written; i++) {
            rig.driver.writeConfig(8, 1, i);
        }
        rig.loop.runReady();
        assertEquals(10, console.taken().length);

        console.makeRoom(Integer.MAX_VALUE);
        rig.driver.writeConfig(8, 1, 'z');
        rig.loop.runReady();

        assertEquals(EmergencyOutput.CAPACITY_BYTES + 1, console.taken().length);
        assertEquals(100, rig.counter("emergency_lost"));
    }

    // What breaks the device, and its reset.

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void malformedRingBreaksTheDeviceUntilItsReset(int queue) {
        ConsoleTestRig rig = multi().up(VIRTIO_CONSOLE_F_MULTIPORT);
        rig.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 1);
        if (queue != ConsoleTestRig.CONTROL_RECEIVE) {
            rig.messages();
            rig.openPorts();
        }
        console.type("x");
        agent.type("x");
        rig.queues[queue].addMalformed();
        rig.queues[queue].publish();

        rig.notifyQueue(queue);

        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
        for (int i = 0; i < 6; i++) {
            rig.notifyQueue(i);
        }
        console.makeRoom(5);
        agent.port().setHostOpen(false);
        agent.port().setHostOpen(true);
        rig.device.resize(0, 7, 7);
        rig.loop.runReady();
        assertEquals(0, console.port().receiveRoom());
        rig.driver.reset();
        assertFalse(console.guestOpen());
        rig.upWithPorts();
        rig.openPorts();
        rig.output(0, "again");
        assertEquals("again", console.text());
    }

    @Test
    void bufferWithoutRoomBreaksTheDevice() {
        ConsoleTestRig rig = single().up(0);
        rig.offer(0, Buffer.readable(0xa0000, 10));
        console.type("x");
        rig.notifyQueue(0);
        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);

        ConsoleTestRig other =
                new ConsoleTestRig(ConsolePort.named(agent, "n")).up(VIRTIO_CONSOLE_F_MULTIPORT);
        other.offer(2, Buffer.writable(0xa0000, 7));
        other.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 1);
        assertTrue((other.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void queueThatIsResetStops(int queue) {
        // 2.6.1.
        ConsoleTestRig rig = multi();
        rig.up(VIRTIO_CONSOLE_F_MULTIPORT | VirtioFeatures.VIRTIO_F_RING_RESET);
        rig.fill(0);
        rig.fill(2);
        rig.fill(4);
        rig.control(-1, VIRTIO_CONSOLE_DEVICE_READY, 1);
        rig.openPorts();

        rig.driver.resetQueue(queue);
        rig.notifyQueue(queue);
        agent.type("x");
        console.type("x");
        console.makeRoom(9);
        agent.port().transmitReady();
        agent.port().setHostOpen(false);

        assertEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
    }

    @Test
    void resetForgetsTheDriverAndKeepsWhatWaitsOnTheHost() {
        ConsoleTestRig rig = multi().upWithPorts();
        rig.openPorts();
        console.room = 0;
        rig.output(0, "lost with its driver");

        rig.driver.reset();
        console.makeRoom(Integer.MAX_VALUE);
        agent.type("kept");

        assertEquals("", console.text());
        assertThrows(
                IllegalStateException.class,
                () -> agent.port().receive(MemorySegment.ofArray(new byte[1]), 0, 1));
        rig.upWithPorts();
        rig.openPorts();
        assertEquals("kept", rig.input(1));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.List;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.device.Rate;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A hostile driver of a network device: random packets, buffers, commands, rings and registers, while packets come, the
 * backend is full or gone, links and limits change. The device throws nothing, sends only what keeps {@link
 * HeaderPromises}, and works again after a reset.
 */
class VirtioNetFuzzTest {
    private static final int STEPS = 20_000;
    private static final List<SendOutcome> OUTCOMES = List.of(SendOutcome.values());

    private final FakeNetBackend backend = new FakeNetBackend(1, NetTestRig.ALL_OFFLOADS);
    private long features;

    private void bringUp(NetTestRig rig, Random random) {
        long chosen = random.nextLong() & rig.device.offeredFeatures();
        features = NetFeatures.completePart(chosen | VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ);
        rig.bringUp(features | (random.nextBoolean() ? VirtioFeatures.VIRTIO_F_EVENT_IDX : 0));
        backend.sent.clear();
    }

    @ParameterizedTest
    @CsvSource({
        "41, MMIO, false", "42, PCI_MSIX, false", "43, PCI_INTX, false", "44, MMIO, true", "45, PCI_MSIX, true",
        "46, PCI_INTX, true"
    })
    void hostileDriverIsAnswered(long seed, VirtioRig.Carrier carrier, boolean packed) {
        Random random = new Random(seed);
        NetTestRig rig =
                new NetTestRig(carrier, backend, NetTestRig.options().withMtu(1500).withPacked(packed));
        bringUp(rig, random);
        int sent = 0;
        for (int i = 0; i < STEPS; i++) {
            switch (random.nextInt(160)) {
                case 0 -> breakRing(random, rig.receive);
                case 1 -> breakRing(random, rig.transmit);
                case 2 -> breakRing(random, rig.control);
                case 3 -> rig.transport.registers().write(4L * random.nextInt(0x60), 4, random.nextInt());
                case 4, 5, 6, 40, 41, 42, 43, 44, 45 -> bringUp(rig, random);
                case 7 -> backend.answer = OUTCOMES.get(random.nextInt(OUTCOMES.size()));
                case 8 -> backend.answer = SendOutcome.TAKEN;
                case 9 -> backend.tellWritable(0);
                case 10 -> rig.device.setLink(random.nextInt(4) != 0);
                case 11 -> rig.device.announce();
                case 12 -> rig.device.setLimits(limits(random));
                case 13 -> rig.loop.advanceNanos(random.nextInt(20_000_000));
                case 14, 15, 16, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59 -> command(rig, random);
                case 17, 18, 19, 20, 21, 22, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79 -> buffers(rig, random);
                case 23, 24, 25, 26, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89 -> arrive(random);
                default -> packet(rig, random);
            }
            for (int queue = 0; queue < 3; queue++) {
                rig.notifyQueue(queue);
            }
            for (byte[] packet : backend.sent) {
                HeaderPromises.assertKept(packet, features);
                sent++;
            }
            backend.sent.clear();
            drain(rig);
        }
        backend.answer = SendOutcome.TAKEN;
        rig.device.setLimits(NetLimits.NONE);
        rig.device.setLink(true);
        rig.driver.reset();
        rig.bringUp(0);
        backend.sent.clear();
        while (backend.waiting(0) > 0) {
            rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
            drain(rig);
        }
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        byte[] packet = NetTestRig.packet(NetTestRig.MAC, 100);
        rig.arrive(packet);
        assertArrayEquals(packet, rig.takeReceived());
        rig.send(packet);
        assertEquals(1, backend.sent.size());
        assertTrue(sent > STEPS / 100, "sent: " + sent);
    }

    private static void drain(NetTestRig rig) {
        for (RingDriver queue : new RingDriver[] {rig.receive, rig.transmit, rig.control}) {
            while (queue.pollUsed()) {
                assertTrue(queue.usedLengthBytes() <= VirtioNetProtocol.PACKET_BYTES_MAX);
            }
        }
    }

    private static void breakRing(Random random, RingDriver queue) {
        if (random.nextInt(3) == 0) {
            queue.addMalformed();
            queue.publish();
        } else if (queue instanceof QueueDriver split) {
            split.writeDescriptor(
                    random.nextInt(NetTestRig.QUEUE_SIZE),
                    random.nextInt(0x10_1000),
                    random.nextInt(0x1000),
                    random.nextInt(8),
                    random.nextInt(NetTestRig.QUEUE_SIZE + 1));
        }
    }

    private static NetLimits limits(Random random) {
        Rate rate = Rate.of(1 + random.nextInt(5000));
        return switch (random.nextInt(3)) {
            case 0 -> NetLimits.NONE;
            case 1 -> new NetLimits(rate, Rate.UNLIMITED, Rate.UNLIMITED, rate);
            default -> new NetLimits(Rate.UNLIMITED, rate, rate, Rate.UNLIMITED);
        };
    }

    private static void command(NetTestRig rig, Random random) {
        if (rig.control.freeDescriptors() < 2) {
            return;
        }
        byte[] data = new byte[random.nextInt(40)];
        random.nextBytes(data);
        if (data.length > 6 && random.nextBoolean()) {
            data[0] = (byte) random.nextInt(7);
            data[1] = (byte) random.nextInt(6);
            data[2] = (byte) random.nextInt(4);
            data[3] = 0;
            data[4] = 0;
            data[5] = 0;
        }
        rig.memory.write(NetTestRig.COMMAND_GPA, data, 0, data.length);
        rig.control.offer(
                Buffer.readable(NetTestRig.COMMAND_GPA, data.length),
                Buffer.writable(NetTestRig.ACK_GPA, random.nextInt(50) == 0 ? 0 : 1));
    }

    private static void buffers(NetTestRig rig, Random random) {
        if (rig.receive.freeDescriptors() < 2) {
            return;
        }
        int lengthBytes = random.nextInt(100) == 0 ? random.nextInt(20) : 20 + random.nextInt(6000);
        long gpa = NetTestRig.RECEIVE_GPA + random.nextInt(0x8_0000);
        if (random.nextBoolean()) {
            rig.receive.offer(Buffer.writable(gpa, lengthBytes));
        } else {
            rig.receive.offer(Buffer.writable(gpa, 8), Buffer.writable(gpa + 8, lengthBytes));
        }
    }

    private void arrive(Random random) {
        if (backend.waiting(0) > 50) {
            return;
        }
        int frameBytes = random.nextInt(5) == 0 ? random.nextInt(66_000) : 14 + random.nextInt(1600);
        byte[] packet = NetTestRig.packet(NetTestRig.MAC, Math.max(14, Math.min(frameBytes, 65_554)));
        if (random.nextBoolean()) {
            packet = NetTestRig.withHeader(
                    packet,
                    random.nextInt(4),
                    random.nextInt(6),
                    random.nextInt(100),
                    random.nextInt(2000),
                    random.nextInt(2000),
                    random.nextInt(40));
        }
        backend.arrive(0, packet);
    }

    private static void packet(NetTestRig rig, Random random) {
        if (rig.transmit.freeDescriptors() < 2) {
            return;
        }
        byte[] packet = NetTestRig.withHeader(
                NetTestRig.packet(NetTestRig.PEER, 14 + random.nextInt(2000)),
                random.nextInt(3),
                random.nextInt(10) == 0 ? random.nextInt(256) : random.nextInt(6),
                random.nextInt(100),
                random.nextInt(3) * 700,
                random.nextInt(100),
                random.nextInt(40));
        rig.memory.write(NetTestRig.TRANSMIT_GPA, packet, 0, packet.length);
        int lengthBytes = random.nextInt(100) == 0 ? random.nextInt(40) : packet.length;
        int split = random.nextInt(2) * random.nextInt(lengthBytes + 1);
        rig.transmit.offer(
                Buffer.readable(NetTestRig.TRANSMIT_GPA, split),
                Buffer.readable(NetTestRig.TRANSMIT_GPA + split, lengthBytes - split));
    }
}

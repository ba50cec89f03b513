// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.List;

import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes commands, and receives packets through the filters that they set. Every command is answered, the backend is set
 * only to what it can do, and the device works after a reset.
 *
 * <pre>
 *  input   transport
 *          steps: commands with their data, packets
 * </pre>
 */
public final class NetControlFuzzTarget {
    private static final int PAIRS = 3;
    private static final int STEPS_MAX = 500;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private final FakeNetBackend backend = new FakeNetBackend(PAIRS, NetTestRig.ALL_OFFLOADS);
    private final NetTestRig rig;
    private final FuzzInput input;

    private NetControlFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        rig = new NetTestRig(input.one(List.of(VirtioRig.Carrier.values())), backend, NetTestRig.options());
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new NetControlFuzzTarget(bytes).run());
    }

    /** Returns one sound command of each kind, for each transport. */
    public static List<byte[]> seeds() {
        return List.of(seed(0), seed(1), seed(2));
    }

    private static byte[] seed(int carrier) {
        return new byte[] {
            (byte) carrier, //
            0, 1, 0, 0, 0, // promiscuous mode off
            0, 20, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1, 1, 0, 0, 0, 3, 0, 0, 0, 0, 1, // table
            0, 6, 1, 1, 2, 0, 0, 0, 0, 9, // address
            0, 2, 2, 0, 5, 0, // VLAN
            0, 0, 3, 0, // announcement
            0, 2, 4, 0, 2, 0, // pairs
            0, 8, 5, 0, 2, 0, 0, 0, 0, 0, 0, 0, // offloads
            1, 60, 2, 0, 0, 0, 0, 1
        };
    }

    private void run() {
        rig.bringUp(rig.device.offeredFeatures());
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(4)) {
                case 0, 2 -> command();
                case 1 -> packet();
                default -> oddCommand();
            }
            assertTrue(backend.activePairs >= 1 && backend.activePairs <= PAIRS);
            if ((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
                rig.driver.reset();
                rig.bringUp(rig.device.offeredFeatures());
            }
        }
        rig.driver.reset();
        rig.bringUp(rig.device.offeredFeatures());
        int answer = rig.command(VirtioNetProtocol.VIRTIO_NET_CTRL_RX, 0, (byte) 1);
        assertEquals(VirtioNetProtocol.VIRTIO_NET_OK, answer);
    }

    private void command() {
        int dataBytes = input.u8();
        int commandClass = input.u8();
        int command = input.u8();
        int answer = rig.command(commandClass, command, input.bytes(dataBytes));
        assertTrue(answer == VirtioNetProtocol.VIRTIO_NET_OK || answer == VirtioNetProtocol.VIRTIO_NET_ERR);
    }

    /** A command in pieces, or without some of them. */
    private void oddCommand() {
        if (rig.control.freeDescriptors() < 3) {
            return;
        }
        long gpa = NetTestRig.COMMAND_GPA;
        byte[] bytes = input.bytes(input.u8());
        rig.memory.write(gpa, bytes, 0, bytes.length);
        int split = input.u8();
        int answerBytes = input.u8();
        if (split < bytes.length) {
            rig.control.offer(
                    Buffer.readable(gpa, split),
                    Buffer.readable(gpa + split, bytes.length - split),
                    Buffer.writable(NetTestRig.ACK_GPA, answerBytes));
        } else {
            rig.control.offer(
                    Buffer.readable(gpa, bytes.length), Buffer.writable(NetTestRig.ACK_GPA, answerBytes));
        }
        rig.notifyQueue(2 * PAIRS);
        while (rig.control.pollUsed()) {
            assertEquals(1, rig.control.usedLengthBytes());
        }
    }

    private void packet() {
        byte[] packet = NetTestRig.packet(NetTestRig.MAC, 14 + input.u8());
        byte[] addressed = input.bytes(MacAddress.BYTES);
        System.arraycopy(addressed, 0, packet, VirtioNetProtocol.HEADER_BYTES, addressed.length);
        if (rig.receive.freeDescriptors() > 0) {
            rig.offerBuffer(NetTestRig.RECEIVE_GPA, 300);
        }
        rig.arrive(packet);
        while (rig.receive.pollUsed()) {
            assertTrue(rig.receive.usedLengthBytes() <= 300);
        }
    }
}

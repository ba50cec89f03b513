// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes packets of a driver, among what programs on the host do. The device keeps the contract of the host's
 * ends (the fakes see to it), memory and connections stay within their bounds, what it sends is sound, and it works after a
 * reset.
 *
 * <pre>
 *  input   transport, ring format
 *          steps: packets, buffers, events of the host, time
 * </pre>
 */
public final class VsockFuzzTarget {
    private static final int STEPS_MAX = 500;
    private static final long ALLOCATED_BYTES_MAX = 256 << 20;
    private static final int CONNECTIONS = 4;
    private static final int BUFFER_BYTES = 16 << 10;
    private static final int PORTS = 3;

    /** Every length that is of interest, and most others, fits. */
    private static final int DATA_BYTES_MAX = 20_000;

    private final FuzzInput input;
    private final VsockTestRig rig;

    private VsockFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        VirtioRig.Carrier carrier = input.one(List.of(VirtioRig.Carrier.values()));
        rig = new VsockTestRig(
                carrier,
                VsockTestRig.options()
                        .withConnectionsMax(CONNECTIONS)
                        .withBuffers(BUFFER_BYTES, CONNECTIONS * BUFFER_BYTES)
                        .withPacked(input.bit()));
        for (long port = 0; port < PORTS - 1; port++) {
            rig.backend.listening.add(port);
        }
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new VsockFuzzTarget(bytes).run());
    }

    /** Returns the life of a connection from each side, for each transport and ring format. */
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
        bytes.write(carrier);
        bytes.write(packed);
        for (int port = 0; port < 2; port++) {
            step(bytes, 0, port, 0, 1, 0, 0x10, 0); // REQUEST
            step(bytes, 0, port, 0, 5, 0, 0x10, 100); // RW
            step(bytes, 2, 0, port, 200, 0); // a program sends
            step(bytes, 1);
            step(bytes, 0, port, 0, 6, 0, 0x20, 0); // CREDIT_UPDATE
            step(bytes, 0, port, 0, 7, 0, 0x20, 0); // CREDIT_REQUEST
            step(bytes, 2, 1, port, 0, 1); // it takes nothing for now
            step(bytes, 0, port, 0, 5, 0, 0x20, 200); // RW
            step(bytes, 2, 1, port, 255, 255);
            step(bytes, 2, port == 0 ? 2 : 3, port); // it ends its sending, or goes
            step(bytes, 0, port, 0, 4, 3, 0x20, 0); // SHUTDOWN
            step(bytes, 1);
        }
        step(bytes, 3, 1); // a program connects
        step(bytes, 0, 1, 0x40, 2, 0, 0x20, 0); // RESPONSE
        step(bytes, 4, 200);
        step(bytes, 5);
        return bytes.toByteArray();
    }

    private static void step(ByteArrayOutputStream bytes, int... values) {
        for (int value : values) {
            bytes.write(value);
        }
    }

    private void run() {
        rig.up();
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(8)) {
                case 0, 6 -> packet();
                case 1 -> receive();
                case 2 -> program();
                case 3 -> connect();
                case 4 -> rig.loop.advanceNanos(input.u8() * 100_000_000L);
                case 5 -> rig.device.transportReset(VsockTestRig.CID);
                default -> raw();
            }
            assertTrue(rig.device.connectionCount() <= CONNECTIONS);
            assertTrue(rig.device.heldBytes() <= CONNECTIONS * BUFFER_BYTES);
            if ((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
                reset();
            }
        }
        reset();
        rig.send(VsockTestRig.packet(VsockTestRig.GUEST_PORT, 0, VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST));
        rig.take(VsockTestRig.GUEST_PORT, 0, VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE);
    }

    private void reset() {
        rig.driver.reset();
        assertEquals(0, rig.device.connectionCount());
        rig.up();
    }

    private void send(byte[] bytes) {
        if (rig.transmit.freeDescriptors() == 0) {
            return;
        }
        rig.memory.write(VsockTestRig.TRANSMIT_GPA, bytes, 0, bytes.length);
        rig.transmit.offer(Buffer.readable(VsockTestRig.TRANSMIT_GPA, bytes.length));
        rig.notifyQueue(1);
        while (rig.transmit.pollUsed()) {
            assertEquals(0, rig.transmit.usedLengthBytes());
        }
    }

    /** A packet whose fields are mostly sound. */
    private void packet() {
        long guestPort = input.below(PORTS);
        int hostByte = input.u8();
        long hostPort = hostByte >= 0x40 ? (1L << 30) + (hostByte & 7) : hostByte % PORTS;
        int op = input.below(9);
        int flags = input.u8();
        long bufAlloc = input.u8() * 0x100L;
        int length = Math.min(DATA_BYTES_MAX, input.u8() * 80);
        send(VsockTestRig.packet(guestPort, hostPort, op, new byte[length])
                .withFlags(flags)
                .withCredit(bufAlloc, 0)
                .bytes());
    }

    /** A packet of any bytes. */
    private void raw() {
        byte[] bytes = input.bytes(input.below(80));
        if (bytes.length > 0) {
            send(bytes);
        }
    }

    private void receive() {
        for (Packet next : rig.takeAll()) {
            assertEquals(next.len(), next.data().length);
            assertEquals(VsockTestRig.CID, next.dstCid());
            assertTrue(next.op() >= 1 && next.op() <= 7);
        }
    }

    private void program() {
        int what = input.below(6);
        if (rig.backend.connections.isEmpty()) {
            return;
        }
        FakeVsockConnection program =
                rig.backend.connections.get(input.u8() % rig.backend.connections.size());
        if (program.closed || program.hungUp) {
            return;
        }
        switch (what) {
            case 0 -> {
                if (!program.ended) {
                    program.send(new byte[input.u16()]);
                }
            }
            case 1 -> program.makeRoom(input.u16());
            case 2 -> program.endSending();
            case 3 -> program.hangUp();
            case 4 -> program.readMax = 1 + input.u16();
            default -> {
                program.broken = true;
                program.tell();
            }
        }
    }

    private void connect() {
        FakeVsockConnection program = new FakeVsockConnection();
        program.refusesOpening = input.below(16) == 15;
        rig.backend.connectToGuest(program, input.below(PORTS));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.List;

import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * Fuzzes the packets of a guest: headers, frames, chains and rings of any contents. The backend gets only what keeps
 * {@link HeaderPromises}, and the device works after a reset.
 *
 * <pre>
 *  input   transport, features
 *          steps: packets in pieces, changes of the ring, answers of the backend, resets
 * </pre>
 */
public final class NetTransmitFuzzTarget {
    private static final int STEPS_MAX = 500;
    private static final int FRAME_BYTES_MAX = 512;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private final FakeNetBackend backend = new FakeNetBackend(1, NetTestRig.ALL_OFFLOADS);
    private final NetTestRig rig;
    private final FuzzInput input;
    private long features;

    private NetTransmitFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        rig = new NetTestRig(input.one(List.of(VirtioRig.Carrier.values())), backend, NetTestRig.options());
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new NetTransmitFuzzTarget(bytes).run());
    }

    /** Returns a plain packet, one with a partial checksum and one to be segmented, for each transport. */
    public static List<byte[]> seeds() {
        return List.of(seed(0), seed(1), seed(2));
    }

    private static byte[] seed(int carrier) {
        return new byte[] {
            (byte) carrier, -1, //
            0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
            0, 60, 0, 0, 1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, //
            0, 0, 1, 2, 1, 1, 54, 0, 100, 0, 34, 0, 16, 0, 0
        };
    }

    private void run() {
        bringUp();
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(8)) {
                case 0, 1, 2, 3 -> packet();
                case 4 -> backend.answer = input.one(List.of(SendOutcome.values()));
                case 5 -> {
                    if (backend.started) {
                        backend.tellWritable(0);
                    }
                }
                case 6 -> change();
                default -> bringUp();
            }
            rig.notifyQueue(1);
            check();
        }
        backend.answer = SendOutcome.TAKEN;
        rig.driver.reset();
        backend.sent.clear();
        rig.bringUp(0);
        rig.send(NetTestRig.packet(NetTestRig.PEER, 60));
        assertEquals(1, backend.sent.size());
    }

    private void check() {
        for (byte[] packet : backend.sent) {
            HeaderPromises.assertKept(packet, features);
        }
        backend.sent.clear();
        while (rig.transmit.pollUsed()) {
            assertEquals(0, rig.transmit.usedLengthBytes());
        }
    }

    private void bringUp() {
        check();
        // One byte chooses: checksums, and then each segmentation.
        int choice = input.u8();
        long chosen = (choice & 1) != 0 ? VirtioNetProtocol.VIRTIO_NET_F_CSUM : 0;
        chosen |= (choice & 2) != 0 ? VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO4 : 0;
        chosen |= (choice & 4) != 0 ? VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO6 : 0;
        chosen |= (choice & 8) != 0 ? VirtioNetProtocol.VIRTIO_NET_F_HOST_ECN : 0;
        chosen |= (choice & 16) != 0 ? VirtioNetProtocol.VIRTIO_NET_F_HOST_USO : 0;
        features = NetFeatures.completePart(chosen);
        long ring = (choice & 32) != 0 ? VirtioFeatures.VIRTIO_F_EVENT_IDX : 0;
        rig.driver.reset();
        rig.bringUp(features | ring);
    }

    /** A packet in up to three pieces. */
    private void packet() {
        if (rig.transmit.freeDescriptors() < 3) {
            return;
        }
        int frameBytes = input.u16() % FRAME_BYTES_MAX;
        int split = input.u8();
        byte[] header = input.bytes(VirtioNetProtocol.HEADER_BYTES);
        rig.memory.write(NetTestRig.TRANSMIT_GPA, header, 0, header.length);
        long gpa = NetTestRig.TRANSMIT_GPA;
        int totalBytes = VirtioNetProtocol.HEADER_BYTES + frameBytes;
        if (split == 0 || split >= totalBytes) {
            rig.transmit.offer(Buffer.readable(gpa, split == 255 ? input.u8() : totalBytes));
        } else if (split % 3 == 0) {
            rig.transmit.offer(
                    Buffer.readable(gpa, split),
                    Buffer.readable(gpa + split, totalBytes - split),
                    Buffer.writable(gpa, input.u8()));
        } else {
            rig.transmit.offer(Buffer.readable(gpa, split), Buffer.readable(gpa + split, totalBytes - split));
        }
    }

    private void change() {
        QueueDriver queue = (QueueDriver) rig.transmit;
        int index = input.below(NetTestRig.QUEUE_SIZE);
        if (input.bit()) {
            queue.writeDescriptor(index, input.u32(), input.u32(), input.u8(), input.u8());
        } else {
            queue.writeAvailableEntry(index, input.u16());
        }
    }
}

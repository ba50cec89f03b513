// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.jvm.Allocations;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A capture, read back block by block (draft-ietf-opsawg-pcapng). */
class CapturingBackendTest {
    private static final long NOW = 1_700_000_000_123_456_789L;
    private static final int INBOUND = 1;
    private static final int OUTBOUND = 2;

    /** A file in memory that can fail. */
    private static final class MemoryFile implements CaptureFile {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int appends;
        boolean full;

        @Override
        public void append(MemorySegment segment, long lengthBytes) throws IOException {
            appends++;
            if (full) {
                throw new IOException("No space left on device");
            }
            assertTrue(segment.isNative());
            bytes.writeBytes(segment.asSlice(0, lengthBytes).toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private record Frame(byte[] bytes, int flags, long epochNanos) {}

    private final FakeNetBackend inner = new FakeNetBackend(1, NetTestRig.ALL_OFFLOADS);
    private final MemoryFile file = new MemoryFile();
    private final CapturingBackend capture = new CapturingBackend(inner, file, "net0", () -> NOW);
    private final ManualEventLoop loop = new ManualEventLoop();
    private final ScatterList target = new ScatterList();

    CapturingBackendTest() {
        target.add(MemorySegment.ofArray(new byte[7]), 0, 7);
        target.add(MemorySegment.ofArray(new byte[VirtioNetProtocol.PACKET_BYTES_MAX]), 0, 60_000);
        target.add(MemorySegment.ofArray(new byte[VirtioNetProtocol.PACKET_BYTES_MAX]), 0, 60_000);
        capture.attach(new NetBackend.Listener() {
            @Override
            public void readable(int pair) {}

            @Override
            public void writable(int pair) {}

            @Override
            public void linkChanged() {}
        });
        capture.start(loop);
        capture.setActivePairs(1);
    }

    private static ScatterList list(byte[] packet) {
        MemorySegment segment = MemorySegment.ofArray(packet);
        ScatterList list = new ScatterList();
        list.add(segment, 0, VirtioNetProtocol.HEADER_BYTES);
        list.add(segment, VirtioNetProtocol.HEADER_BYTES, packet.length - VirtioNetProtocol.HEADER_BYTES);
        return list;
    }

    /** Reads the file: every block's two lengths agree, and the first two blocks are what they must be. */
    private List<Frame> frames() {
        capture.flush();
        ByteBuffer bytes = ByteBuffer.wrap(file.bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
        List<Frame> frames = new ArrayList<>();
        int blocks = 0;
        while (bytes.hasRemaining()) {
            int start = bytes.position();
            int type = bytes.getInt();
            int length = bytes.getInt();
            assertEquals(0, length % 4);
            assertEquals(length, bytes.getInt(start + length - 4));
            switch (blocks++) {
                case 0 -> {
                    assertEquals(0x0a0d0d0a, type);
                    assertEquals(0x1a2b3c4d, bytes.getInt());
                    assertEquals(1, bytes.getInt(), "version 1.0");
                    assertEquals(-1, bytes.getLong(), "section length");
                }
                case 1 -> {
                    assertEquals(1, type);
                    assertEquals(1, bytes.getInt(), "Ethernet");
                    assertEquals(0, bytes.getInt(), "no limit");
                    assertEquals(2 | 4 << 16, bytes.getInt());
                    byte[] name = new byte[4];
                    bytes.get(name);
                    assertEquals("net0", new String(name, StandardCharsets.UTF_8));
                    assertEquals(9 | 1 << 16, bytes.getInt());
                    assertEquals(9, bytes.getInt(), "nanoseconds");
                    assertEquals(0, bytes.getInt());
                }
                default -> {
                    assertEquals(6, type);
                    assertEquals(0, bytes.getInt(), "interface");
                    long time = (long) bytes.getInt() << 32 | Integer.toUnsignedLong(bytes.getInt());
                    byte[] frame = new byte[bytes.getInt()];
                    assertEquals(frame.length, bytes.getInt());
                    bytes.get(frame);
                    bytes.position(((bytes.position() - start + 3) & ~3) + start);
                    assertEquals(2 | 4 << 16, bytes.getInt());
                    frames.add(new Frame(frame, bytes.getInt(), time));
                    assertEquals(0, bytes.getInt());
                }
            }
            bytes.position(start + length);
        }
        return frames;
    }

    private static byte[] frameOf(byte[] packet) {
        return Arrays.copyOfRange(packet, VirtioNetProtocol.HEADER_BYTES, packet.length);
    }

    @ParameterizedTest
    @ValueSource(ints = {14, 15, 16, 17, 1514, VirtioNetProtocol.FRAME_BYTES_MAX})
    void framesOfBothDirectionsAreInTheFileWithTheirTime(int frameBytes) {
        byte[] packet = NetTestRig.packet(NetTestRig.MAC, frameBytes);
        inner.arrive(0, packet);

        assertEquals(SendOutcome.TAKEN, capture.send(0, list(packet)));
        assertEquals(packet.length, capture.receive(0, target));

        List<Frame> frames = frames();
        assertEquals(2, frames.size());
        assertArrayEquals(frameOf(packet), frames.get(0).bytes());
        assertArrayEquals(frameOf(packet), frames.get(1).bytes());
        assertEquals(OUTBOUND, frames.get(0).flags());
        assertEquals(INBOUND, frames.get(1).flags());
        assertEquals(NOW, frames.get(0).epochNanos());
        assertArrayEquals(packet, inner.sent.getFirst());
    }

    @Test
    void partialChecksumIsCompletedInTheFileAlone() {
        byte[] packet = NetTestRig.withHeader(NetTestRig.packet(NetTestRig.MAC, 101), 1, 0, 0, 0, 34, 16);

        capture.send(0, list(packet));

        byte[] frame = frames().getFirst().bytes();
        assertArrayEquals(packet, inner.sent.getFirst());
        byte[] expected = packet.clone();
        assertTrue(PartialChecksum.complete(list(expected), expected.length, 34, 16));
        assertArrayEquals(frameOf(expected), frame);
        assertFalse(Arrays.equals(frameOf(packet), frame));
    }

    @Test
    void checksumThatABackendPlacesOutsideTheFrameIsLeftAlone() {
        byte[] packet = NetTestRig.withHeader(NetTestRig.packet(NetTestRig.MAC, 60), 1, 0, 0, 0, 0xffff, 0xffff);
        inner.arrive(0, packet);

        capture.receive(0, target);

        assertArrayEquals(frameOf(packet), frames().getFirst().bytes());
    }

    @Test
    void framesThatDoNotPassAreNotCaptured() {
        inner.answer = SendOutcome.FULL;
        capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 60)));
        assertEquals(NetBackend.NOTHING, capture.receive(0, target));
        inner.arrive(0, new byte[20]);
        assertEquals(20, capture.receive(0, target));

        assertEquals(0, frames().size());
    }

    @Test
    void framesAreWrittenTogetherAfterAMomentAndAtTheEnd() {
        capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 60)));
        capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 60)));
        assertEquals(0, file.appends);

        loop.advanceNanos(CapturingBackend.FLUSH_NANOS);
        assertEquals(1, file.appends);
        capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 60)));
        capture.stop();

        assertEquals(2, file.appends);
        assertEquals(3, frames().size());
    }

    @Test
    void manyLargeFramesAreAllInTheFile() {
        for (int i = 0; i < 10; i++) {
            capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 65_000)));
        }

        assertEquals(10, frames().size());
    }

    @Test
    void captureEndsWhereTheFileFailsAndFramesPassOn() {
        file.full = true;
        capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 60)));
        capture.flush();

        capture.send(0, list(NetTestRig.packet(NetTestRig.MAC, 61)));
        capture.flush();

        assertEquals(1, file.appends);
        assertEquals(2, inner.sent.size());
    }

    @Test
    void capturedFrameAllocatesNothing() {
        CaptureFile nowhere = (segment, lengthBytes) -> {};
        SwitchPort port = new VirtualSwitch().newPort();
        CapturingBackend quiet = new CapturingBackend(port, nowhere, "net0");
        quiet.start(loop);
        ScatterList packet = list(NetTestRig.packet(NetTestRig.MAC, 1514));

        Allocations.assertNoneOnceWarm(10_000, () -> {
            for (int i = 0; i < 10_000; i++) {
                quiet.send(0, packet);
            }
        });
    }
}

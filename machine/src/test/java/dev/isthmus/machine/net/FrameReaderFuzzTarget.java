// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.VirtioNetProtocol;

/**
 * Fuzzes the stream of frames from a hostile peer: any lengths, in any pieces. What the reader finds must be what a simple
 * one finds in the whole.
 *
 * <pre>
 *  input   steps: a length as the peer claims it, or bytes, or a piece's end
 * </pre>
 */
public final class FrameReaderFuzzTarget {
    private static final int STEPS_MAX = 400;
    private static final int STREAM_BYTES_MAX = 1 << 20;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;
    private static final MemorySegment TARGET = Arena.global().allocate(VirtioNetProtocol.PACKET_BYTES_MAX);

    private final FuzzInput input;
    private final ByteArrayOutputStream stream = new ByteArrayOutputStream();
    private final FrameReader reader = new FrameReader(new Counter());
    private final ScatterList target = new ScatterList();
    private int fed;

    /** Where in the stream the frame begins that is expected next. */
    private long expected;

    private FrameReaderFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        target.add(TARGET, 0, 7);
        target.add(TARGET, 7, VirtioNetProtocol.PACKET_BYTES_MAX - 7);
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new FrameReaderFuzzTarget(bytes).run());
    }

    /** Returns frames in one piece, in several, and one that is too long. */
    public static List<byte[]> seeds() {
        return List.of(
                new byte[] {0, 60, 0, 2, 60, 0, 0, 60, 0, 2, 60, 0, 3, 3},
                new byte[] {0, 60, 0, 3, 2, 20, 0, 3, 2, 40, 0, 3},
                new byte[] {1, 0, 2, 0, 0, 2, 0, (byte) 255, 3, 2, 0, (byte) 255, 3, 0, 14, 0, 2, 14, 0, 3});
    }

    private void run() {
        for (int i = 0; i < STEPS_MAX && input.hasMore() && stream.size() < STREAM_BYTES_MAX; i++) {
            switch (input.below(4)) {
                case 0 -> addLength(input.u16());
                case 1 -> addLength(input.u32());
                case 2 -> addBytes(input.u16());
                default -> feed();
            }
        }
        feed();
    }

    private void addLength(long length) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            stream.write((int) (length >>> shift));
        }
    }

    private void addBytes(int count) {
        for (int i = 0; i < count; i++) {
            stream.write(stream.size() * 31);
        }
    }

    /** Hands over what was added, as the socket does: as much as there is room for, and the rest after what that completes. */
    private void feed() {
        byte[] all = stream.toByteArray();
        do {
            takeFrames(all);
            reader.makeRoom();
            int count = Math.min(reader.roomBytes(), all.length - fed);
            if (reader.roomBytes() == 0) {
                throw new AssertionError("no room for the rest of a frame");
            }
            MemorySegment.copy(all, fed, reader.buffer(), ValueLayout.JAVA_BYTE, reader.roomOffset(), count);
            reader.filled(count);
            fed += count;
        } while (fed < all.length);
        takeFrames(all);
    }

    private void takeFrames(byte[] all) {
        int packetBytes = reader.poll(target);
        while (packetBytes != NetBackend.NOTHING) {
            checkFrame(all, packetBytes - VirtioNetProtocol.HEADER_BYTES);
            packetBytes = reader.poll(target);
        }
    }

    private void checkFrame(byte[] all, int frameBytes) {
        long length = lengthAt(all, expected);
        while (length > VirtioNetProtocol.FRAME_BYTES_MAX) {
            expected += FrameReader.LENGTH_BYTES + length;
            length = lengthAt(all, expected);
        }
        if (length != frameBytes) {
            throw new AssertionError("frame of " + frameBytes + " bytes instead of " + length);
        }
        long start = expected + FrameReader.LENGTH_BYTES;
        MemorySegment wanted = MemorySegment.ofArray(all).asSlice(start, frameBytes);
        if (TARGET.asSlice(VirtioNetProtocol.HEADER_BYTES, frameBytes).mismatch(wanted) >= 0) {
            throw new AssertionError("wrong bytes");
        }
        expected = start + frameBytes;
    }

    private static long lengthAt(byte[] all, long position) {
        return Integer.toUnsignedLong(MemorySegment.ofArray(all).get(FrameReader.BE32, position));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.VirtioNetProtocol;

/**
 * Finds the frames in a stream of bytes, as passt and QEMU's {@code -netdev stream} have them. The peer may be hostile: it
 * may claim any length and send its bytes in any pieces.
 *
 * <pre>
 *  +0  be32  length
 *  +4  u8[]  an Ethernet frame of that length
 * </pre>
 *
 * <p>A frame that is longer than guests take is passed over, without being kept. Loop thread only; allocates nothing after
 * it was made.
 */
final class FrameReader {
    static final int LENGTH_BYTES = 4;

    /** Room for some of the largest frames, so that one read brings many of the usual size. */
    static final int BUFFER_BYTES = 256 << 10;

    private static final int LARGEST_BYTES = LENGTH_BYTES + VirtioNetProtocol.FRAME_BYTES_MAX;

    static final ValueLayout.OfInt BE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final MemorySegment buffer = Arena.ofAuto().allocate(BUFFER_BYTES, Long.BYTES);
    private int begin;
    private int end;

    /** How much of a frame that is too long has still to come. */
    private long skipBytes;

    private final Counter oversized;

    /** Makes a reader that counts the frames that are too long. */
    FrameReader(Counter oversized) {
        this.oversized = oversized;
    }

    /** Forgets everything, for another stream. */
    void reset() {
        begin = 0;
        end = 0;
        skipBytes = 0;
    }

    // Bytes come in.

    /** Returns the memory that bytes are read into, at {@link #roomOffset}. */
    MemorySegment buffer() {
        return buffer;
    }

    /** Makes room for the rest of the frame that is being read; there is some always, once {@link #poll} found nothing. */
    void makeRoom() {
        if (begin == end) {
            begin = 0;
            end = 0;
        } else if (begin + LARGEST_BYTES > BUFFER_BYTES) {
            MemorySegment.copy(buffer, begin, buffer, 0, end - begin);
            end -= begin;
            begin = 0;
        }
    }

    int roomOffset() {
        return end;
    }

    int roomBytes() {
        return BUFFER_BYTES - end;
    }

    /** Takes note of bytes that were read. */
    void filled(int count) {
        end += count;
    }

    // Frames go out.

    /**
     * Takes the next frame that is complete, behind a header of zeroes.
     *
     * @param target room for the largest packet
     * @return the bytes of header and frame, or {@link NetBackend#NOTHING}
     */
    int poll(ScatterView target) {
        int frameBytes = next();
        if (frameBytes == NetBackend.NOTHING) {
            return NetBackend.NOTHING;
        }
        Scatters.zero(target, 0, VirtioNetProtocol.HEADER_BYTES);
        Scatters.copy(buffer, begin - frameBytes, target, VirtioNetProtocol.HEADER_BYTES, frameBytes);
        return VirtioNetProtocol.HEADER_BYTES + frameBytes;
    }

    /** Drops all frames that are complete. */
    void discard() {
        int frameBytes = next();
        while (frameBytes != NetBackend.NOTHING) {
            frameBytes = next();
        }
    }

    /** Passes over the next frame that is complete, and tells its length: it ends where the rest begins. */
    private int next() {
        while (skipOversized() && end - begin >= LENGTH_BYTES) {
            long frameBytes = Integer.toUnsignedLong(buffer.get(BE32, begin));
            if (frameBytes > VirtioNetProtocol.FRAME_BYTES_MAX) {
                oversized.increment();
                begin += LENGTH_BYTES;
                skipBytes = frameBytes;
            } else if (frameBytes > end - begin - LENGTH_BYTES) {
                return NetBackend.NOTHING;
            } else {
                begin += LENGTH_BYTES + (int) frameBytes;
                return (int) frameBytes;
            }
        }
        return NetBackend.NOTHING;
    }

    /** Tells whether no frame that is too long is still being read. */
    private boolean skipOversized() {
        int skipped = (int) Math.min(skipBytes, end - begin);
        begin += skipped;
        skipBytes -= skipped;
        return skipBytes == 0;
    }
}

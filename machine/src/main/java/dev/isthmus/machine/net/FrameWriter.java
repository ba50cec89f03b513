// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.VectorIo;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

/**
 * Writes frames to a stream as {@link FrameReader} reads them, straight from the guest's memory. Of a frame that the socket
 * took in part, the rest is copied, and goes before everything else.
 *
 * <p>Loop thread only; allocates nothing after it was made.
 */
final class FrameWriter {
    /** The longest frame: passt ends a connection that has longer ones. */
    static final int FRAME_BYTES_MAX = 65535;

    private final MemorySegment length = Arena.ofAuto().allocate(FrameReader.LENGTH_BYTES, Integer.BYTES);
    private final MemorySegment rest = Arena.ofAuto().allocate(FrameReader.LENGTH_BYTES + FRAME_BYTES_MAX, Long.BYTES);
    private final IoVectors vectors = new IoVectors(NetBackend.ELEMENTS_MAX);
    private int restBegin;
    private int restEnd;

    /** Forgets everything, for another stream. */
    void reset() {
        restBegin = 0;
        restEnd = 0;
    }

    /** Tells whether a frame has been sent in part. */
    boolean hasRest() {
        return restBegin < restEnd;
    }

    /**
     * Sends the frame of a packet, if there is room for the start of it at least.
     *
     * @return as for {@link NetBackend#send}; after FULL and TAKEN with a rest, the socket is to be watched until it is
     *     writable
     */
    SendOutcome send(Fd socket, ScatterView packet) {
        if (hasRest()) {
            return SendOutcome.FULL;
        }
        long frameBytes = packet.totalBytes() - VirtioNetProtocol.HEADER_BYTES;
        if (frameBytes > FRAME_BYTES_MAX || !gather(packet, (int) frameBytes)) {
            return SendOutcome.REFUSED;
        }
        long result = VectorIo.writev(socket, vectors);
        vectors.clear();
        if (result == -Errno.EAGAIN) {
            return SendOutcome.FULL;
        }
        if (result < 0) {
            return SendOutcome.GONE;
        }
        if (result < FrameReader.LENGTH_BYTES + frameBytes) {
            keepRest(packet, result);
        }
        return SendOutcome.TAKEN;
    }

    /** Lays out length and frame; tells whether they have no more pieces than fit into one call. */
    private boolean gather(ScatterView packet, int frameBytes) {
        vectors.clear();
        length.set(FrameReader.BE32, 0, frameBytes);
        vectors.add(length, 0, FrameReader.LENGTH_BYTES);
        long skip = VirtioNetProtocol.HEADER_BYTES;
        int count = packet.count();
        for (int i = 0; i < count; i++) {
            long elementBytes = packet.lengthBytes(i);
            long skipped = Math.min(skip, elementBytes);
            skip -= skipped;
            if (skipped < elementBytes) {
                if (vectors.count() == NetBackend.ELEMENTS_MAX) {
                    vectors.clear();
                    return false;
                }
                vectors.add(packet.segment(i), packet.offset(i) + skipped, elementBytes - skipped);
            }
        }
        return true;
    }

    /** Copies what the socket did not take of length and frame. */
    private void keepRest(ScatterView packet, long written) {
        restBegin = 0;
        restEnd = 0;
        long skip = written;
        if (skip < FrameReader.LENGTH_BYTES) {
            append(length, skip, FrameReader.LENGTH_BYTES - skip);
            skip = FrameReader.LENGTH_BYTES;
        }
        skip += VirtioNetProtocol.HEADER_BYTES - FrameReader.LENGTH_BYTES;
        int count = packet.count();
        for (int i = 0; i < count; i++) {
            long elementBytes = packet.lengthBytes(i);
            long skipped = Math.min(skip, elementBytes);
            skip -= skipped;
            append(packet.segment(i), packet.offset(i) + skipped, elementBytes - skipped);
        }
    }

    private void append(MemorySegment source, long offset, long lengthBytes) {
        MemorySegment.copy(
                source, ValueLayout.JAVA_BYTE, offset, rest, ValueLayout.JAVA_BYTE, restEnd, lengthBytes);
        restEnd += (int) lengthBytes;
    }

    /**
     * Goes on with a frame that was sent in part.
     *
     * @return TAKEN once nothing is left of it, FULL, or GONE
     */
    SendOutcome flush(Fd socket) {
        if (!hasRest()) {
            return SendOutcome.TAKEN;
        }
        vectors.clear();
        vectors.add(rest, restBegin, restEnd - restBegin);
        long result = VectorIo.writev(socket, vectors);
        vectors.clear();
        if (result == -Errno.EAGAIN) {
            return SendOutcome.FULL;
        }
        if (result < 0) {
            return SendOutcome.GONE;
        }
        restBegin += (int) result;
        return hasRest() ? SendOutcome.FULL : SendOutcome.TAKEN;
    }
}

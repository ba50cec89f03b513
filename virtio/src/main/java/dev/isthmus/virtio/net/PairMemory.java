// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

/**
 * Host memory of a device's queue pairs, allocated with their first use and kept as long as the device: a guest that resets
 * it again and again has nothing allocated again. Native, so that the kernel can read and write it. Loop thread only.
 */
final class PairMemory {
    private final @Nullable MemorySegment[] headers;
    private final @Nullable MemorySegment[] spares;

    PairMemory(int pairs) {
        headers = new MemorySegment[pairs];
        spares = new MemorySegment[pairs];
    }

    /** Returns room for the header of a packet that is sent. */
    MemorySegment header(int pair) {
        return allocated(headers, pair, VirtioNetProtocol.HEADER_BYTES);
    }

    /** Returns room for the largest packet. */
    MemorySegment spare(int pair) {
        return allocated(spares, pair, VirtioNetProtocol.PACKET_BYTES_MAX);
    }

    private static MemorySegment allocated(@Nullable MemorySegment[] segments, int pair, long lengthBytes) {
        MemorySegment segment = segments[pair];
        if (segment == null) {
            segment = Arena.ofAuto().allocate(lengthBytes, Long.BYTES);
            segments[pair] = segment;
        }
        return segment;
    }
}

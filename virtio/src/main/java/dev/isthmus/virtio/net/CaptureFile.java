// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Where a capture of packets is written to. Loop thread. */
@FunctionalInterface
public interface CaptureFile {
    /**
     * Appends bytes, all or none. Must not wait for long: the page cache will do, a pipe that nobody reads won't.
     *
     * @param bytes native memory, the caller's again on return
     * @param lengthBytes how many of them, from the start
     * @throws IOException if it fails: nothing more is appended then
     */
    void append(MemorySegment bytes, long lengthBytes) throws IOException;
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;

/**
 * Characters of the emerg_wr field (virtio 1.2, section 5.3.4), on their way from vCPU threads to port 0's host. A bounded
 * number waits; the guest does not.
 */
final class EmergencyOutput {
    /** A power of two; as much as a dying kernel says at once. */
    static final int CAPACITY_BYTES = 16 << 10;

    private final ConsoleBackend backend;
    private final ConsoleStatistics statistics;
    private final BottomHalf flush;

    /** Also the guard of the next three. */
    private final MemorySegment ring = Arena.ofAuto().allocate(CAPACITY_BYTES);

    private long head;
    private long tail;
    private long lost;

    EmergencyOutput(ConsoleBackend backend, EventLoop loop, ConsoleStatistics statistics) {
        this.backend = backend;
        this.statistics = statistics;
        this.flush = loop.newBottomHalf(this::flush);
    }

    /** Adds a character; it is lost where too many wait. Any thread. */
    void put(int value) {
        synchronized (ring) {
            if (tail - head == CAPACITY_BYTES) {
                lost++;
                return;
            }
            ring.set(ValueLayout.JAVA_BYTE, tail & (CAPACITY_BYTES - 1), (byte) value);
            tail++;
        }
        flush.schedule();
    }

    /** Hands over what waits, as far as the host takes it. Loop thread. */
    void flush() {
        long first;
        long end;
        synchronized (ring) {
            first = head;
            end = tail;
            statistics.emergencyLost.add(lost);
            lost = 0;
        }
        // Without the lock: writers leave alone what waits.
        boolean full = false;
        while (first < end && !full) {
            int begin = (int) first & (CAPACITY_BYTES - 1);
            int length = (int) Math.min(end - first, CAPACITY_BYTES - begin);
            int taken = backend.transmit(ring, begin, length);
            first += taken;
            statistics.emergencyBytes.add(taken);
            full = taken < length;
        }
        synchronized (ring) {
            head = first;
        }
    }
}

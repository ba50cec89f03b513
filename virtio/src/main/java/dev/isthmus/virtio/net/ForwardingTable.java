// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Which port of a switch an address was last seen at (IEEE 802.1Q, section 8.8): bounded, and forgetting what has not
 * been seen for a while.
 *
 * <pre>
 *  entry   address (48 bits) | port + 1 (16 bits)       0 where free
 * </pre>
 *
 * <p>An address has {@value #WAYS} places. Where all are taken, the one that was not seen for longest makes room: a
 * guest that sends from many addresses has others forgotten, whose frames then go to all ports, and no more.
 *
 * <p>Any thread, without locks; allocates nothing. Threads that learn at the same time may undo each other's work, which
 * costs a frame to all ports.
 */
final class ForwardingTable {
    static final int NONE = -1;

    /** Places of an address. */
    static final int WAYS = 4;

    private static final int SETS = 256;

    /** Addresses that are remembered at most. */
    static final int ENTRIES = WAYS * SETS;

    /** By IEEE 802.1Q, table 8-6. */
    static final long AGE_NANOS = 300_000_000_000L;

    /** An entry's time is not written more often than this, so that processors share its memory. */
    private static final long REFRESH_NANOS = 1_000_000_000L;

    private static final int PORT_BITS = 16;
    private static final int PORT_MASK = (1 << PORT_BITS) - 1;

    /** 2^64 divided by the golden ratio (Fibonacci hashing). */
    private static final long HASH_FACTOR = 0x9e37_79b9_7f4a_7c15L;

    private final AtomicLongArray entries = new AtomicLongArray(ENTRIES);
    private final AtomicLongArray seenNanos = new AtomicLongArray(ENTRIES);

    private static int firstWay(long mac) {
        return (int) ((mac * HASH_FACTOR) >>> 56) * WAYS;
    }

    private boolean expired(int way, long nowNanos) {
        return nowNanos - seenNanos.getOpaque(way) > AGE_NANOS;
    }

    /** Returns the port of an address, or {@link #NONE}. */
    int find(long mac, long nowNanos) {
        int first = firstWay(mac);
        for (int way = first; way < first + WAYS; way++) {
            long entry = entries.getAcquire(way);
            if (entry != 0 && entry >>> PORT_BITS == mac && !expired(way, nowNanos)) {
                return (int) (entry & PORT_MASK) - 1;
            }
        }
        return NONE;
    }

    /** Takes note of where an address is. */
    void learn(long mac, int port, long nowNanos) {
        long learned = mac << PORT_BITS | (port + 1);
        int first = firstWay(mac);
        int place = NONE;
        int victim = first;
        long victimAge = Long.MIN_VALUE;
        for (int way = first; way < first + WAYS; way++) {
            long entry = entries.getAcquire(way);
            if (entry != 0 && entry >>> PORT_BITS == mac) {
                if (place == NONE) {
                    place = way;
                } else {
                    // Two threads have learned it at once.
                    entries.compareAndSet(way, entry, 0);
                }
            }
            long age = entry == 0 ? Long.MAX_VALUE : nowNanos - seenNanos.getOpaque(way);
            if (age > victimAge) {
                victim = way;
                victimAge = age;
            }
        }
        int chosen = place == NONE ? victim : place;
        boolean changed = entries.getAcquire(chosen) != learned;
        if (changed || nowNanos - seenNanos.getOpaque(chosen) > REFRESH_NANOS) {
            seenNanos.setOpaque(chosen, nowNanos);
        }
        if (changed) {
            // Release: who finds the address there finds its time, too.
            entries.setRelease(chosen, learned);
        }
    }

    /** Forgets all addresses at a port. */
    void forget(int port) {
        for (int way = 0; way < ENTRIES; way++) {
            long entry = entries.getAcquire(way);
            if ((entry & PORT_MASK) == port + 1) {
                entries.compareAndSet(way, entry, 0);
            }
        }
    }
}

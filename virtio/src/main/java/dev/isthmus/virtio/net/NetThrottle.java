// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.device.LeakyBucket;
import dev.isthmus.device.Rate;

/** The limits of one direction and how much of them is used up. Loop thread only; allocates nothing. */
final class NetThrottle {
    private final LeakyBucket packets = new LeakyBucket();
    private final LeakyBucket bytes = new LeakyBucket();
    private boolean limited;
    private long lastNanos;
    private boolean started;

    void setRates(Rate packetRate, Rate byteRate) {
        packets.setRate(packetRate);
        bytes.setRate(byteRate);
        limited = packetRate.limited() || byteRate.limited();
        started &= limited;
    }

    boolean limited() {
        return limited;
    }

    /** Tells how long the next packet has to wait. */
    long waitNanos(long nowNanos) {
        // The clock may start anywhere.
        long nanos = started ? nowNanos - lastNanos : 0;
        started = true;
        lastNanos = nowNanos;
        if (nanos > 0) {
            packets.leak(nanos);
            bytes.leak(nanos);
        }
        return Math.max(packets.waitNanos(), bytes.waitNanos());
    }

    /** Takes note of a packet. */
    void account(long frameBytes) {
        packets.fill(1);
        bytes.fill(frameBytes);
    }
}

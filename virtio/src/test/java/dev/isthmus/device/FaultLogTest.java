// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

class FaultLogTest {
    private static final long INTERVAL_NANOS = FaultLog.INTERVAL_SECONDS * 1_000_000_000L;
    private static final long START = -5;

    private final FaultLog log = new FaultLog("test");

    private void useUpTheBurst() {
        for (int i = 0; i < FaultLog.BURST; i++) {
            assertEquals(0, log.admit(START));
        }
    }

    @Test
    void burstPassesAndTheRestIsLeftOut() {
        useUpTheBurst();

        assertEquals(-1, log.admit(START));
        assertEquals(-1, log.admit(START + INTERVAL_NANOS - 1));
    }

    @Test
    void oneMessagePassesPerIntervalAndSaysHowManyWereLeftOut() {
        useUpTheBurst();
        log.admit(START);
        log.admit(START);

        assertEquals(2, log.admit(START + INTERVAL_NANOS));
        assertEquals(-1, log.admit(START + INTERVAL_NANOS));
        assertEquals(1, log.admit(START + 2 * INTERVAL_NANOS));
    }

    @Test
    void quietTimeEarnsNoMoreThanABurst() {
        useUpTheBurst();
        long later = START + 1000 * INTERVAL_NANOS;
        for (int i = 0; i < FaultLog.BURST; i++) {
            assertEquals(0, log.admit(later));
        }

        assertEquals(-1, log.admit(later));
    }
}

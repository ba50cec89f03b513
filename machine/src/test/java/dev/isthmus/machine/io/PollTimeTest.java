// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;

class PollTimeTest {
    private final PollTime time = new PollTime();

    @Test
    void loopDoesNotLookUntilAWaitWasShort() {
        assertEquals(0, time.nanos());

        time.waited(PollTime.MAX_NANOS + 1);
        assertEquals(0, time.nanos());

        time.waited(1_000);
        assertEquals(4_000, time.nanos());
    }

    @Test
    void timeGrowsToItsBoundWhileWaitsAreShortButLonger() {
        time.waited(1_000);
        time.waited(5_000);
        assertEquals(8_000, time.nanos());
        time.waited(9_000);
        time.waited(17_000);
        time.waited(32_100);
        assertEquals(PollTime.MAX_NANOS, time.nanos());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3_999, 4_000})
    void timeThatWasLongEnoughStays(long waitNanos) {
        time.waited(1_000);

        time.waited(waitNanos);

        assertEquals(4_000, time.nanos());
    }

    @Test
    void longWaitEndsIt() {
        time.waited(1_000);

        time.waited(PollTime.MAX_NANOS + 1);

        assertEquals(0, time.nanos());
    }
}

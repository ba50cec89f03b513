// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

class LongSetTest {
    @Test
    void holdsWhatAJavaSetHolds() {
        SplittableRandom random = new SplittableRandom(4);
        LongSet set = new LongSet();
        Set<Long> expected = new HashSet<>();
        for (int i = 0; i < 20_000; i++) {
            long value = random.nextLong(3000);
            if (random.nextInt(3) == 0) {
                set.remove(value);
                expected.remove(value);
            } else {
                assertEquals(expected.add(value), set.add(value));
            }
            long other = random.nextLong(3000);
            assertEquals(expected.contains(other), set.contains(other));
        }
    }

    @Test
    void valuesThatMeetUnderTheUsualFactorAreFoundAsFastAsOthers() {
        // The factor of Fibonacci hashing, and its inverse: the products have only low bits, so the high ones are equal.
        long factor = 0x9E3779B97F4A7C15L;
        long inverse = factor;
        for (int i = 0; i < 5; i++) {
            inverse *= 2 - factor * inverse;
        }
        long chosen = inverse;

        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
            LongSet set = new LongSet();
            int count = 0;
            for (long product = 1; count < 300_000; product++) {
                long value = product * chosen;
                if (value >= 0) {
                    assertTrue(set.add(value));
                    count++;
                }
            }
            assertFalse(set.contains(0));
        });
    }
}

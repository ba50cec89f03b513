// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hostile client: requests of random contents, in random order, with an eye on what makes requests meaningful. */
class FuseFuzzTest {
    private static final int INPUTS = 300;
    private static final int STEPS = 60;

    /** What names and numbers consist of here. */
    private static final String LETTERS = "adslx./\1\2\3\200";

    @ParameterizedTest
    @ValueSource(longs = {71, 72, 73, 74})
    void hostileClientIsAnswered(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < INPUTS; i++) {
            FuseFuzzTarget.fuzzerTestOneInput(input(random));
        }
    }

    @Test
    void seedsAreHandled() {
        for (byte[] seed : FuseFuzzTarget.seeds()) {
            FuseFuzzTarget.fuzzerTestOneInput(seed);
        }
    }

    private static byte[] input(Random random) {
        byte[] bytes = new byte[1 + STEPS * 60];
        bytes[0] = (byte) random.nextInt(256);
        int at = 1;
        for (int i = 0; i < STEPS; i++) {
            int kind = random.nextInt(20);
            if (kind < 4) {
                bytes[at++] = (byte) (4 + kind);
                bytes[at++] = (byte) random.nextInt(2);
            } else {
                int argumentBytes = random.nextInt(50);
                bytes[at++] = 0;
                bytes[at++] = (byte) (1 + random.nextInt(52));
                bytes[at++] = (byte) random.nextInt(256);
                bytes[at++] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : 4);
                bytes[at++] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : 200);
                bytes[at++] = (byte) argumentBytes;
                bytes[at++] = 0;
                for (int j = 0; j < argumentBytes; j++) {
                    bytes[at++] = (byte) (random.nextInt(3) == 0 ? LETTERS.charAt(random.nextInt(LETTERS.length())) : 0);
                }
            }
        }
        return Arrays.copyOf(bytes, at);
    }
}

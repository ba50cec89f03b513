// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.util.Random;
import java.util.stream.Stream;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.fuzz.FuzzReplay;

/** Hostile streams: the inputs that the fuzz target has learned, and others by chance. */
class FrameReaderTest {
    private static final int ROUNDS = 300;

    @TestFactory
    Stream<DynamicTest> keptInputsAreHandled() {
        return FuzzReplay.of(FrameReaderFuzzTarget.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void framesAreFoundInStreamsByChance(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < ROUNDS; i++) {
            byte[] input = new byte[random.nextInt(300)];
            random.nextBytes(input);
            FrameReaderFuzzTarget.fuzzerTestOneInput(input);
        }
    }
}

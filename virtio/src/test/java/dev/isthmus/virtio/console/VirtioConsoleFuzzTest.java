// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.util.List;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hostile driver by chance: seeds of the target, changed at random, and plain noise. */
class VirtioConsoleFuzzTest {
    private static final int INPUTS = 300;

    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23})
    void hostileDriverIsAnswered(long seed) {
        Random random = new Random(seed);
        List<byte[]> seeds = ConsoleFuzzTarget.seeds();
        for (int i = 0; i < INPUTS; i++) {
            byte[] bytes;
            if (random.nextInt(4) == 0) {
                bytes = new byte[random.nextInt(1000)];
                random.nextBytes(bytes);
            } else {
                bytes = seeds.get(random.nextInt(seeds.size())).clone();
                for (int j = random.nextInt(20); j > 0; j--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(random.nextBoolean() ? 9 : 256);
                }
            }
            ConsoleFuzzTarget.fuzzerTestOneInput(bytes);
        }
    }
}

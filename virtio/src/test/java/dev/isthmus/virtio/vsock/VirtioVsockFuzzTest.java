// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.util.List;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A hostile driver by chance: seeds of the target, changed and cut at random, and plain noise. */
class VirtioVsockFuzzTest {
    private static final int INPUTS = 400;

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void hostileDriverIsAnswered(long seed) {
        Random random = new Random(seed);
        List<byte[]> seeds = VsockFuzzTarget.seeds();
        for (int i = 0; i < INPUTS; i++) {
            byte[] bytes;
            if (random.nextInt(4) == 0) {
                bytes = new byte[random.nextInt(1500)];
                random.nextBytes(bytes);
            } else {
                bytes = seeds.get(random.nextInt(seeds.size())).clone();
                for (int j = random.nextInt(30); j > 0; j--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(random.nextBoolean() ? 8 : 256);
                }
            }
            VsockFuzzTarget.fuzzerTestOneInput(bytes);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.boot;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Seeded damage to a file: truncations, flipped bits, overwritten bytes and fields, removed and repeated pieces. The
 * same seed gives the same files, so that a failure is found again by its number: a mutation depends on the seed and
 * its number alone.
 */
public final class Mutations {
    /** Values at which sizes and offsets go wrong. */
    private static final long[] EXTREMES = {
        0,
        1,
        0x7f,
        0xff,
        0x7fff,
        0xffff,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1,
        -4096
    };

    private static final int EDITS_MAX = 4;
    private static final int HEAD_BYTES = 1024;

    private final byte[] original;
    private final long seed;

    /** Prepares mutations of a file. */
    public Mutations(byte[] original, long seed) {
        this.original = original.clone();
        this.seed = seed;
    }

    /** Returns a damaged copy; in rare cases it equals the original. */
    public byte[] mutation(int number) {
        SplittableRandom random = new SplittableRandom(seed ^ number * 0x9e37_79b9_7f4a_7c15L);
        byte[] mutated = original.clone();
        int edits = 1 + random.nextInt(EDITS_MAX);
        for (int i = 0; i < edits && mutated.length > 0; i++) {
            mutated = edit(mutated, random);
        }
        return mutated;
    }

    private static byte[] edit(byte[] bytes, SplittableRandom random) {
        // Headers decide the most: half of all edits are there.
        int range = random.nextBoolean() ? Math.min(bytes.length, HEAD_BYTES) : bytes.length;
        int at = random.nextInt(range);
        switch (random.nextInt(8)) {
            case 0 -> {
                return Arrays.copyOf(bytes, at);
            }
            case 1 -> bytes[at] = (byte) random.nextInt(256);
            case 2 -> {
                long value = EXTREMES[random.nextInt(EXTREMES.length)];
                int width = 1 << random.nextInt(4);
                for (int i = 0; i < width && at + i < bytes.length; i++) {
                    bytes[at + i] = (byte) (value >>> (8 * i));
                }
            }
            case 3 -> {
                int end = Math.min(bytes.length, at + 1 + random.nextInt(64));
                Arrays.fill(bytes, at, end, (byte) (random.nextBoolean() ? 0 : 0xff));
            }
            case 4 -> {
                int from = random.nextInt(bytes.length);
                int count = Math.min(random.nextInt(64), bytes.length - Math.max(at, from));
                System.arraycopy(bytes, from, bytes, at, count);
            }
            default -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        }
        return bytes;
    }
}

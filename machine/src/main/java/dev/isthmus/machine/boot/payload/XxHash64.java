// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/** XXH64 with seed 0, zstd's checksum. Source: the xxHash project's {@code xxhash_spec.md}, "XXH64 Algorithm". */
final class XxHash64 {
    private static final int STRIPE_BYTES = 32;

    private static final long PRIME64_1 = 0x9e37_79b1_85eb_ca87L;
    private static final long PRIME64_2 = 0xc2b2_ae3d_27d4_eb4fL;
    private static final long PRIME64_3 = 0x1656_67b1_9e37_79f9L;
    private static final long PRIME64_4 = 0x85eb_ca77_c2b2_ae63L;
    private static final long PRIME64_5 = 0x27d4_eb2f_1656_67c5L;

    private long acc1 = Long.sum(PRIME64_1, PRIME64_2);
    private long acc2 = PRIME64_2;
    private long acc3;
    private long acc4 = -PRIME64_1;
    private long totalBytes;

    /** What does not fill a stripe yet. */
    private final byte[] rest = new byte[STRIPE_BYTES];

    private int restBytes;

    /** Adds bytes. */
    void update(byte[] bytes, int offset, int count) {
        int at = offset;
        int end = offset + count;
        totalBytes += count;
        if (restBytes > 0) {
            int taken = Math.min(STRIPE_BYTES - restBytes, count);
            System.arraycopy(bytes, at, rest, restBytes, taken);
            restBytes += taken;
            at += taken;
            if (restBytes < STRIPE_BYTES) {
                return;
            }
            stripes(rest, 0, STRIPE_BYTES);
            restBytes = 0;
        }
        int stripesEnd = end - (end - at) % STRIPE_BYTES;
        stripes(bytes, at, stripesEnd);
        restBytes = end - stripesEnd;
        System.arraycopy(bytes, stripesEnd, rest, 0, restBytes);
    }

    private void stripes(byte[] bytes, int start, int end) {
        long a = acc1;
        long b = acc2;
        long c = acc3;
        long d = acc4;
        for (int at = start; at < end; at += STRIPE_BYTES) {
            a = round(a, Bytes.u64(bytes, at));
            b = round(b, Bytes.u64(bytes, at + 8));
            c = round(c, Bytes.u64(bytes, at + 16));
            d = round(d, Bytes.u64(bytes, at + 24));
        }
        acc1 = a;
        acc2 = b;
        acc3 = c;
        acc4 = d;
    }

    private static long round(long acc, long lane) {
        return Long.rotateLeft(acc + lane * PRIME64_2, 31) * PRIME64_1;
    }

    private static long merge(long hash, long acc) {
        return (hash ^ round(0, acc)) * PRIME64_1 + PRIME64_4;
    }

    /** Returns the hash of what was added so far. */
    long digest() {
        long hash = PRIME64_5;
        if (totalBytes >= STRIPE_BYTES) {
            hash = Long.rotateLeft(acc1, 1)
                    + Long.rotateLeft(acc2, 7)
                    + Long.rotateLeft(acc3, 12)
                    + Long.rotateLeft(acc4, 18);
            hash = merge(merge(merge(merge(hash, acc1), acc2), acc3), acc4);
        }
        hash += totalBytes;
        int at = 0;
        for (; restBytes - at >= 8; at += 8) {
            hash = Long.rotateLeft(hash ^ round(0, Bytes.u64(rest, at)), 27) * PRIME64_1 + PRIME64_4;
        }
        if (restBytes - at >= 4) {
            hash = Long.rotateLeft(hash ^ Bytes.u32(rest, at) * PRIME64_1, 23) * PRIME64_2 + PRIME64_3;
            at += 4;
        }
        for (; at < restBytes; at++) {
            hash = Long.rotateLeft(hash ^ (rest[at] & 0xff) * PRIME64_5, 11) * PRIME64_1;
        }
        hash = (hash ^ (hash >>> 33)) * PRIME64_2;
        hash = (hash ^ (hash >>> 29)) * PRIME64_3;
        return hash ^ (hash >>> 32);
    }
}

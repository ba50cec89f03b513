// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A raw disk with data here and there and holes between, the same for the same seed: data that can be packed and data
 * that can't.
 */
public final class RawDisk {
    /** How far around data and the ends to compare; what is further off is all zeroes in both. */
    private static final long MARGIN_BYTES = 128 << 10;

    private final Path path;
    private final long sizeBytes;
    private final List<long[]> ranges = new ArrayList<>();

    private RawDisk(Path path, long sizeBytes) {
        this.path = path;
        this.sizeBytes = sizeBytes;
    }

    /**
     * Makes a disk.
     *
     * @param path the file
     * @param sizeBytes its size
     * @param seed what the data are made of
     * @param pieces how many pieces of data there are
     * @param places where to have data for certain, such as the ends of extents
     */
    public static RawDisk create(Path path, long sizeBytes, long seed, int pieces, long... places) {
        RawDisk disk = new RawDisk(path, sizeBytes);
        Random random = new Random(seed);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(sizeBytes);
            for (long place : places) {
                disk.write(file, random, place - 5000, 10_000);
            }
            for (int i = 0; i < pieces; i++) {
                int length = 1 + random.nextInt(i % 4 == 0 ? 300_000 : 9000);
                disk.write(file, random, (long) (random.nextDouble() * sizeBytes), length);
            }
            disk.write(file, random, 0, 1000);
            disk.write(file, random, sizeBytes - 700, 700);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return disk;
    }

    private void write(RandomAccessFile file, Random random, long place, int length) throws IOException {
        long offset = Math.max(0, place);
        byte[] bytes = new byte[Math.clamp(sizeBytes - offset, 0, length)];
        random.nextBytes(bytes);
        if (random.nextBoolean()) {
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) (1 + i / 64 % 3);
            }
        }
        file.seek(offset);
        file.write(bytes);
        ranges.add(new long[] {
            Math.max(0, offset - MARGIN_BYTES), Math.min(sizeBytes, offset + length + MARGIN_BYTES)
        });
    }

    /** Returns the same disk in another file, which a test has made of it. */
    public RawDisk at(Path copy) {
        RawDisk disk = new RawDisk(copy, sizeBytes);
        disk.ranges.addAll(ranges);
        return disk;
    }

    /** Returns the file. */
    public Path path() {
        return path;
    }

    /** Returns the size in bytes. */
    public long sizeBytes() {
        return sizeBytes;
    }

    /** Returns the ranges that hold all data, with some of the holes around, as pairs of start and end. */
    public List<long[]> ranges() {
        return ranges;
    }
}

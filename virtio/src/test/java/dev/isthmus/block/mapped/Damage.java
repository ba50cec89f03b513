// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;

import com.sun.management.ThreadMXBean;

import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageException;
import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Damages an image in thousands of ways, each made from its own seed, and opens and reads it each time: nothing may come
 * out but an {@link ImageException} with words for the user, and it may take neither long nor much memory.
 */
public final class Damage {
    /** More than the largest thing that opening may read into the heap, a descriptor of 1 MiB with its lines. */
    private static final long MAX_ALLOCATED_BYTES = 64 << 20;

    /** Of the processor, so that a busy machine does not count. */
    private static final long MAX_NANOS = 3_000_000_000L;

    private static final long[] INTERESTING = {
        0, 1, 2, 3, 4, 5, 7, 8, 127, 128, 255, 511, 512, 513, 2047, 2048, 4095, 4096, 0x7fff, 0x8000, 0xffff, 0x10000,
        0xfffff, 0x100000, 0x200000, 0x1ffffff, 0x2000000, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000L, 0xfffffffeL,
        0xffffffffL, 0x100000000L, 1L << 40, 1L << 53, (1L << 54) - 1, 1L << 54, 1L << 55, 1L << 62, Long.MAX_VALUE,
        Long.MIN_VALUE, -2, -1
    };

    private final BuiltImageFile file;
    private final long[][] regions;
    private final Consumer<BuiltImageFile> checksums;
    private final Function<BuiltImageFile, MappedImage> opener;
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final ExtentList extents = new ExtentList();
    private int opened;
    private int refused;

    /**
     * Sets up damage.
     *
     * @param file a valid image; is the same afterwards
     * @param regions where to damage it, as pairs of start and end
     * @param checksums makes checksums right again, so that damage gets behind them
     * @param opener opens it
     */
    public Damage(
            BuiltImageFile file,
            long[][] regions,
            Consumer<BuiltImageFile> checksums,
            Function<BuiltImageFile, MappedImage> opener) {
        this.file = file;
        this.regions = regions;
        this.checksums = checksums;
        this.opener = opener;
    }

    /** Damages and opens it so many times. */
    public void run(int cases) {
        for (int seed = 0; seed < cases; seed++) {
            try {
                oneCase(new Random(seed));
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        // Else the damage is of no use: either never noticed, or never survived.
        assertTrue(opened > cases / 50 && refused > cases / 50, opened + " opened, " + refused + " refused");
    }

    private void oneCase(Random random) {
        long size = file.sizeBytes();
        byte[][] before = new byte[regions.length][];
        for (int i = 0; i < regions.length; i++) {
            before[i] = file.get(regions[i][0], (int) (regions[i][1] - regions[i][0]));
        }
        for (int i = random.nextInt(3); i >= 0; i--) {
            damage(random);
        }
        if (random.nextInt(4) > 0) {
            checksums.accept(file);
        }
        if (random.nextInt(8) == 0) {
            file.resize((long) (random.nextDouble() * size));
        }
        long allocated = threads.getCurrentThreadAllocatedBytes();
        long started = threads.getCurrentThreadCpuTime();
        openAndRead(random);
        assertTrue(threads.getCurrentThreadCpuTime() - started < MAX_NANOS, "took too long");
        assertTrue(threads.getCurrentThreadAllocatedBytes() - allocated < MAX_ALLOCATED_BYTES, "took too much memory");
        file.resize(size);
        for (int i = 0; i < regions.length; i++) {
            file.put(regions[i][0], before[i]);
        }
        checksums.accept(file);
    }

    private void damage(Random random) {
        long[] region = regions[random.nextInt(regions.length)];
        long length = region[1] - region[0];
        long offset = region[0] + (long) (random.nextDouble() * length);
        long value = random.nextBoolean() ? INTERESTING[random.nextInt(INTERESTING.length)] : random.nextLong();
        switch (random.nextInt(5)) {
            case 0 -> file.put(offset, (byte) (file.get(offset, 1)[0] ^ 1 << random.nextInt(8)));
            case 1 -> file.put(offset, (byte) value);
            case 2 -> file.put64(aligned(region, offset, Long.BYTES), value);
            case 3 -> file.put16(aligned(region, offset, Short.BYTES), (int) value);
            default -> file.put32(aligned(region, offset, Integer.BYTES), value);
        }
    }

    private static long aligned(long[] region, long offset, int bytes) {
        return Math.min(offset / bytes * bytes, region[1] - bytes);
    }

    private void openAndRead(Random random) {
        file.reopen();
        try (MappedImage image = opener.apply(file)) {
            opened++;
            long sectors = image.capacityBytes() / 512;
            for (int i = 0; i < 6 && sectors > 0; i++) {
                long sector = i == 0 ? 0 : i == 1 ? sectors - 1 : (long) (random.nextDouble() * sectors);
                int count = (int) Math.min(sectors - sector, 1 + random.nextInt(200));
                ScatterList target = new ScatterList();
                target.add(MemorySegment.ofArray(new byte[count * 512]), 0, count * 512L);
                image.read(sector * 512, target);
                image.map(false, sector * 512, count * 512L, extents);
            }
        } catch (ImageException e) {
            refused++;
            Disks.assertIsForUsers(e, "");
        }
    }
}

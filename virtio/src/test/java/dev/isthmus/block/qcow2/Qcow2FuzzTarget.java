// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.RawImage;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.fuzz.FuzzReads;

/**
 * Fuzzes qcow2: opens what the input holds, does all to it that can be done to an image, then checks and repairs it.
 *
 * <pre>
 *  input   where to read; steps, four bytes each: what, sector (16 bits), number of sectors
 *          the image
 * </pre>
 */
public final class Qcow2FuzzTarget {
    private static final int READS_BYTES = 32;
    private static final int STEPS = 8;
    private static final int STEP_BYTES = 4;
    private static final int SECTOR_BYTES = 512;
    private static final int FILE_BYTES_MAX = 1 << 20;
    private static final long ALLOCATED_BYTES_MAX = 512 << 20;

    /** Where the header says how large clusters are. */
    private static final int CLUSTER_BITS = 20;

    private static final int CLUSTER_BITS_MAX = 12;
    private static final int L1_SIZE_MASK = 0xfff;

    private Qcow2FuzzTarget() {}

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> run(new FuzzInput(bytes)));
    }

    /** Returns images with small clusters of each kind there is: refcount widths, snapshots, backing files, data files. */
    public static List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        seeds.add(seed(new Qcow2CreateOptions(32 << 10).clusterBytes(512), true));
        seeds.add(seed(new Qcow2CreateOptions(32 << 10).clusterBytes(512).version(2), true));
        seeds.add(seed(new Qcow2CreateOptions(16 << 10).clusterBytes(512).refcountBits(1), false));
        seeds.add(seed(new Qcow2CreateOptions(16 << 10).clusterBytes(512).refcountBits(64).lazyRefcounts(true), true));
        seeds.add(seed(new Qcow2CreateOptions(16 << 10).clusterBytes(1024).backing("base.img", "raw"), false));
        seeds.add(seed(new Qcow2CreateOptions(16 << 10).clusterBytes(512).dataFile("data.img", true), false));
        return seeds;
    }

    private static byte[] seed(Qcow2CreateOptions options, boolean snapshot) {
        MemoryImageFile file = new MemoryImageFile();
        ImageOpener others = new Others();
        Qcow2Creator.create(file, options, others);
        SplittableRandom random = new SplittableRandom(1);
        DiskModel model = new DiskModel(16 << 10);
        try (Qcow2Image disk = Qcow2Image.open(file, others, null)) {
            model.write(disk, random, 0, 2048);
            if (snapshot) {
                new Qcow2Snapshots(disk).create("s", Instant.EPOCH);
            }
            model.write(disk, random, 1024, 1024);
            model.zero(disk, 4096, 1024, false);
            disk.writeCompressed(8192, MemorySegment.ofArray(new byte[options.clusterBytes]));
            disk.flush();
        }
        byte[] image = file.contents();
        byte[] seed = new byte[READS_BYTES + STEPS * STEP_BYTES + image.length];
        for (int step = 0; step < STEPS; step++) {
            seed[READS_BYTES + step * STEP_BYTES] = (byte) step;
            seed[READS_BYTES + step * STEP_BYTES + 1] = (byte) (step + 1);
            seed[READS_BYTES + step * STEP_BYTES + 3] = 3;
        }
        System.arraycopy(image, 0, seed, READS_BYTES + STEPS * STEP_BYTES, image.length);
        return seed;
    }

    private static void run(FuzzInput input) {
        FuzzInput reads = new FuzzInput(input.bytes(READS_BYTES));
        FuzzInput steps = new FuzzInput(input.bytes(STEPS * STEP_BYTES));
        byte[] image = input.rest();
        limitTables(image);
        MemoryImageFile file = new MemoryImageFile("fuzz.qcow2", image, false);
        file.limitTo(FILE_BYTES_MAX);
        try {
            Qcow2Info.read(file);
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
        try (Qcow2Image disk = Qcow2Image.open(file, new Others(), null)) {
            FuzzReads.some(disk, reads);
            while (steps.hasMore()) {
                step(disk, steps);
            }
            disk.flush();
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
        checkAndRepair(file);
    }

    /**
     * Larger tables and clusters are read in other tests. Here, where tens of thousands of L1 entries may all name the same
     * L2 table of a quarter of a million entries, one such input would cost as much time as thousands of others.
     */
    private static void limitTables(byte[] image) {
        if (image.length < Qcow2Format.HEADER_BYTES_V2) {
            return;
        }
        MemorySegment header = MemorySegment.ofArray(image);
        header.set(Qcow2Format.U32, Qcow2Format.L1_SIZE, header.get(Qcow2Format.U32, Qcow2Format.L1_SIZE) & L1_SIZE_MASK);
        int clusterBits = header.get(Qcow2Format.U32, CLUSTER_BITS);
        if (clusterBits > CLUSTER_BITS_MAX && clusterBits <= Qcow2Format.MAX_CLUSTER_BITS) {
            header.set(Qcow2Format.U32, CLUSTER_BITS, CLUSTER_BITS_MAX);
        }
    }

    private static void step(Qcow2Image disk, FuzzInput steps) {
        int kind = steps.below(11);
        long offset = (long) steps.u16() * SECTOR_BYTES;
        long length = (1L + steps.below(32)) * SECTOR_BYTES;
        try {
            switch (kind) {
                case 0, 1, 2 -> disk.write(offset, bytes((int) length));
                case 3 -> disk.writeZeroes(offset, length, true);
                case 4 -> disk.writeZeroes(offset, length, false);
                case 5 -> disk.discard(offset, length);
                case 6 -> new Qcow2Snapshots(disk).create("n" + offset, Instant.EPOCH);
                case 7 -> new Qcow2Snapshots(disk).apply("s");
                case 8 -> new Qcow2Snapshots(disk).delete("s");
                case 9 -> disk.resize(offset);
                default -> disk.flush();
            }
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
    }

    private static ScatterList bytes(int lengthBytes) {
        byte[] data = new byte[lengthBytes];
        data[0] = 1;
        ScatterList source = new ScatterList();
        source.add(MemorySegment.ofArray(data), 0, lengthBytes);
        return source;
    }

    /** Damage may be such that a repair leaves or uncovers other: as with 'qemu-img check', who repairs checks again. */
    private static void checkAndRepair(MemoryImageFile file) {
        for (Qcow2Checker.Repair repair : Qcow2Checker.Repair.values()) {
            try {
                Qcow2Checker.check(file, repair);
            } catch (ImageException e) {
                FuzzReads.assertForUsers(e);
            }
        }
        try (Qcow2Image disk = Qcow2Image.open(file, new Others(), null)) {
            FuzzReads.some(disk, new FuzzInput(new byte[0]));
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
    }

    /** The files that images name: small ones, whatever the name. */
    private static final class Others implements ImageOpener {
        private static final int FILE_BYTES = 16 << 10;

        @Override
        public ImageFile openFile(String reference, boolean readOnly) {
            return new MemoryImageFile("data", new byte[FILE_BYTES], readOnly);
        }

        @Override
        public BlockBackend openBacking(String reference, @Nullable String formatName) {
            return new RawImage(new MemoryImageFile("base", new byte[FILE_BYTES], true), "base");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.FolderImages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Several threads on one image. Each owns every n-th sector, so that all of them write the same clusters, and a range of
 * clusters of its own, which it discards, too.
 */
class Qcow2ThreadsTest {
    private static final int SECTOR = 512;
    private static final int THREADS = 4;
    private static final int OPERATIONS = 1500;
    private static final int SHARED_SECTORS = 2048;
    private static final int OWN_SECTORS = 512;

    @TempDir
    Path folder;

    /** What one thread does, and knows of the disk. */
    private static final class Worker implements Callable<Integer> {
        private final Qcow2Image disk;
        private final int index;
        private final SplittableRandom random;
        private final int[] shared = new int[SHARED_SECTORS / THREADS];
        private final int[] own = new int[OWN_SECTORS];
        private final ExtentList extents = new ExtentList();
        private int direct;

        Worker(Qcow2Image disk, int index) {
            this.disk = disk;
            this.index = index;
            this.random = new SplittableRandom(index);
        }

        @Override
        public Integer call() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate(64L * SECTOR, 8);
                for (int i = 1; i <= OPERATIONS; i++) {
                    operate(memory, i);
                }
                verify(memory);
            }
            return direct;
        }

        private void operate(MemorySegment memory, int number) {
            int slot = random.nextInt(shared.length);
            int first = random.nextInt(OWN_SECTORS - 64);
            int count = 1 + random.nextInt(63);
            switch (random.nextInt(10)) {
                case 0, 1, 2 -> {
                    write(memory, sharedSector(slot), 1, number);
                    shared[slot] = number;
                }
                case 3 -> {
                    assertEquals(
                            BlockStatus.OK,
                            disk.writeZeroes((long) sharedSector(slot) * SECTOR, SECTOR, random.nextBoolean()));
                    shared[slot] = 0;
                }
                case 4, 5 -> {
                    write(memory, ownSector(first), count, number);
                    Arrays.fill(own, first, first + count, number);
                }
                case 6 -> {
                    assertEquals(
                            BlockStatus.OK,
                            disk.writeZeroes((long) ownSector(first) * SECTOR, (long) count * SECTOR, true));
                    Arrays.fill(own, first, first + count, 0);
                }
                case 7 -> {
                    if (number % 8 == 0) {
                        assertEquals(BlockStatus.OK, disk.flush());
                    }
                }
                default -> {
                    assertEquals(shared[slot], read(memory, sharedSector(slot)));
                    assertEquals(own[first], read(memory, ownSector(first)));
                }
            }
        }

        private int sharedSector(int slot) {
            return slot * THREADS + index;
        }

        private int ownSector(int sector) {
            return SHARED_SECTORS + index * OWN_SECTORS + sector;
        }

        private void write(MemorySegment memory, int sector, int count, int number) {
            MemorySegment data = memory.asSlice(0, (long) count * SECTOR);
            for (long at = 0; at < data.byteSize(); at += 4) {
                data.set(ValueLayout.JAVA_INT, at, number);
            }
            if (random.nextBoolean() && transferDirectly(true, (long) sector * SECTOR, data)) {
                return;
            }
            ScatterList list = new ScatterList();
            list.add(data, 0, data.byteSize());
            assertEquals(BlockStatus.OK, disk.write((long) sector * SECTOR, list));
        }

        private int read(MemorySegment memory, int sector) {
            MemorySegment data = memory.asSlice(0, SECTOR);
            if (!random.nextBoolean() || !transferDirectly(false, (long) sector * SECTOR, data)) {
                ScatterList list = new ScatterList();
                list.add(data, 0, SECTOR);
                assertEquals(BlockStatus.OK, disk.read((long) sector * SECTOR, list));
            }
            assertEquals(data.get(ValueLayout.JAVA_INT, 0), data.get(ValueLayout.JAVA_INT, SECTOR - 4));
            return data.get(ValueLayout.JAVA_INT, 0);
        }

        /** As an engine does it. */
        private boolean transferDirectly(boolean write, long offset, MemorySegment data) {
            if (!disk.map(write, offset, data.byteSize(), extents)) {
                return false;
            }
            long done = 0;
            for (int i = 0; i < extents.count(); i++) {
                ImageFile file = extents.file(i);
                MemorySegment piece = data.asSlice(done, extents.lengthBytes(i));
                if (file == null) {
                    piece.fill((byte) 0);
                } else if (write) {
                    assertEquals(BlockStatus.OK, file.write(extents.offsetBytes(i), piece));
                } else {
                    file.read(extents.offsetBytes(i), piece);
                }
                done += piece.byteSize();
            }
            disk.unmap(write, extents);
            direct++;
            return true;
        }

        void verify(MemorySegment memory) {
            for (int slot = 0; slot < shared.length; slot++) {
                assertEquals(shared[slot], read(memory, sharedSector(slot)));
            }
            for (int sector = 0; sector < own.length; sector++) {
                assertEquals(own[sector], read(memory, ownSector(sector)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096, 65536})
    void threadsDoNotDisturbEachOther(int clusterBytes) throws Exception {
        int sectors = SHARED_SECTORS + THREADS * OWN_SECTORS;
        Path path = folder.resolve("disk.qcow2");
        try (ChannelImageFile file = new ChannelImageFile(path, false)) {
            Qcow2Creator.create(
                    file, new Qcow2CreateOptions((long) sectors * SECTOR).clusterBytes(clusterBytes), null);
        }
        FolderImages images = new FolderImages(folder, null);
        List<Worker> workers = new ArrayList<>();
        try (Qcow2Image disk = images.open("disk.qcow2", false);
                ExecutorService threads = Executors.newFixedThreadPool(THREADS + 1)) {
            List<Future<Integer>> ends = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Worker worker = new Worker(disk, i);
                workers.add(worker);
                ends.add(threads.submit(worker));
            }
            Future<?> manager = threads.submit(() -> manage(disk, sectors));
            int direct = 0;
            for (Future<Integer> end : ends) {
                direct += end.get();
            }
            manager.get();
            assertTrue(direct > 100, "only " + direct + " transfers without the image");
        }
        try (ChannelImageFile file = new ChannelImageFile(path, true)) {
            Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
            assertTrue(result.clean(), () -> result.findings().toString());
        }
        try (Qcow2Image disk = images.open("disk.qcow2", true);
                Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(SECTOR, 8);
            for (Worker worker : workers) {
                for (int slot = 0; slot < worker.shared.length; slot++) {
                    assertEquals(worker.shared[slot], readOne(disk, memory, worker.sharedSector(slot)));
                }
            }
        }
    }

    private static int readOne(Qcow2Image disk, MemorySegment memory, int sector) {
        ScatterList list = new ScatterList();
        list.add(memory, 0, SECTOR);
        assertEquals(BlockStatus.OK, disk.read((long) sector * SECTOR, list));
        return memory.get(ValueLayout.JAVA_INT, 0);
    }

    /** Takes and deletes snapshots and changes the size, while the guest goes on. */
    private static void manage(Qcow2Image disk, int sectors) {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        for (int i = 0; i < 8; i++) {
            snapshots.create("snapshot " + i, Instant.EPOCH);
            assertEquals(BlockStatus.OK, disk.resize((long) (sectors + i * 100) * SECTOR));
            if (i % 2 == 1) {
                snapshots.delete("snapshot " + (i - 1));
            }
        }
    }
}

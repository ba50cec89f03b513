// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TableCacheTest {
    private static TableCache cache(long tableBytes, BuiltImageFile... files) {
        long[] sizes = new long[files.length];
        for (int i = 0; i < files.length; i++) {
            sizes[i] = files[i].sizeBytes();
        }
        return new TableCache(files, sizes, tableBytes);
    }

    @Test
    void entryIsReadOnceAndThenKept() {
        BuiltImageFile file = new BuiltImageFile("file", 1 << 20).put32(4100, 0xfffffffeL).put64(8192, 1L << 62);
        try (TableCache cache = cache(1 << 20, file)) {
            assertEquals(TableCache.NOT_CACHED, cache.u32(0, 4100, false));
            assertEquals(0xfffffffeL, cache.u32(0, 4100, true));
            assertEquals(0xfffffffeL, cache.u32(0, 4100, false));
            assertEquals(0, cache.u32(0, 4096, false));
            assertEquals(1L << 62, cache.u64(0, 8192, true));
            assertEquals(2, file.reads());
        }
    }

    @Test
    void valueWithTheHighestBitIsUnreadable() {
        BuiltImageFile file = new BuiltImageFile("file", 4096).put64(8, Long.MIN_VALUE);
        try (TableCache cache = cache(4096, file)) {
            assertEquals(TableCache.UNREADABLE, cache.u64(0, 8, true));
            assertEquals(TableCache.UNREADABLE, cache.u64(0, 8, false));
            assertEquals(0x80000000L, cache.u32(0, 12, true));
        }
    }

    @Test
    void pagesOfDifferentFilesAreDifferent() {
        BuiltImageFile first = new BuiltImageFile("first", 1 << 20).put32(0, 1);
        BuiltImageFile second = new BuiltImageFile("second", 1 << 20).put32(0, 2);
        try (TableCache cache = cache(0, first, second)) {
            assertEquals(1, cache.u32(0, 0, true));
            assertEquals(2, cache.u32(1, 0, true));
            assertEquals(1, cache.u32(0, 0, false));
        }
    }

    @Test
    void pageOverTheEndOfTheFileIsReadAndOneThatGotLostIsNot() {
        BuiltImageFile file = new BuiltImageFile("file", 9000).put32(8192, 7);
        try (TableCache cache = cache(9000, file)) {
            assertEquals(7, cache.u32(0, 8192, true));
            file.resize(5000);
            assertEquals(TableCache.UNREADABLE, cache.u32(0, 4096, true));
            file.resize(9000);
            assertEquals(0, cache.u32(0, 4096, true));
        }
    }

    @Test
    void failureOfTheHostIsNotKept() {
        BuiltImageFile file = new BuiltImageFile("file", 9000).put32(4096, 7);
        try (TableCache cache = cache(9000, file)) {
            file.failWith(BlockStatus.IO_ERROR);
            assertEquals(TableCache.UNREADABLE, cache.u32(0, 4096, true));
            assertEquals(TableCache.NOT_CACHED, cache.u32(0, 4096, false));
            file.failWith(BlockStatus.OK);
            assertEquals(7, cache.u32(0, 4096, true));
        }
    }

    @Test
    void exceptionOfTheFileLeavesItsPlaceUsable() {
        BuiltImageFile file = new BuiltImageFile("file", 1 << 20).put32(4096, 7);
        try (TableCache cache = cache(0, file)) {
            file.close();
            for (int i = 0; i < 9; i++) {
                assertThrows(IllegalStateException.class, () -> cache.u32(0, 4096, true));
            }
            file.reopen();
            assertEquals(7, cache.u32(0, 4096, true));
            assertEquals(7, cache.u32(0, 4096, false));
        }
    }

    @Test
    void memoryIsBoundedByTheTablesAndByAMaximum() {
        BuiltImageFile file = new BuiltImageFile("file", 1L << 40);
        try (TableCache small = cache(100, file);
                TableCache middle = cache(100 << 10, file);
                TableCache large = cache(1L << 39, file)) {
            assertEquals(4 * TableCache.PAGE_BYTES, small.keptBytes());
            assertEquals(128 << 10, middle.keptBytes());
            assertEquals(TableCache.MAX_BYTES, large.keptBytes());
        }
        ImageFile[] files = new ImageFile[TableCache.MAX_FILES + 1];
        assertThrows(IllegalArgumentException.class, () -> new TableCache(files, new long[files.length], 0));
    }

    @Test
    void tablesThatFitAreKeptWhole() {
        int bytes = 1 << 20;
        BuiltImageFile file = new BuiltImageFile("file", bytes);
        try (TableCache cache = cache(bytes, file)) {
            for (int round = 0; round < 3; round++) {
                for (int offset = 0; offset < bytes; offset += TableCache.PAGE_BYTES) {
                    assertEquals(0, cache.u32(0, offset, true));
                }
            }
            assertEquals(bytes / TableCache.PAGE_BYTES, file.reads());
        }
    }

    @Test
    void threadsThatDriveEachOthersPagesOutReadWhatIsThere() throws Exception {
        int entries = 64 << 10;
        ByteBuffer table = ByteBuffer.allocate(entries * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < entries; i++) {
            table.putInt(i * 0x9e3779b1);
        }
        BuiltImageFile file = new BuiltImageFile("file", 0).put(0, table.array());
        // Room for 4 of the 64 pages.
        try (TableCache cache = cache(0, file);
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Callable<Integer>> readers = new ArrayList<>();
            for (int seed = 0; seed < 4; seed++) {
                Random random = new Random(seed);
                readers.add(() -> countWrong(cache, random, entries));
            }
            for (Future<Integer> wrong : threads.invokeAll(readers)) {
                assertEquals(0, wrong.get());
            }
        }
        assertTrue(file.reads() > 64);
    }

    private static int countWrong(TableCache cache, Random random, int entries) {
        int wrong = 0;
        for (int i = 0; i < 100_000; i++) {
            // A few pages more often than others, so that they are found as well as driven out.
            int entry = random.nextInt(random.nextBoolean() ? entries : 8 << 10);
            long value = cache.u32(0, entry * 4L, random.nextBoolean());
            if (value != TableCache.NOT_CACHED && value != Integer.toUnsignedLong(entry * 0x9e3779b1)) {
                wrong++;
            }
        }
        return wrong;
    }
}

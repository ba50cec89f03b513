// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseRequest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Requests of all kinds on several workers at once, about few files, with numbers that are right, stale and made up: what
 * is closed is never used, and nothing stays open.
 */
@Timeout(300)
class HostFolderThreadsTest {
    private static final int REQUESTS = 20_000;
    private static final int DEPTH = 12;

    @TempDir
    private Path path;

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void hostileGuestLeavesNothingOpen(long seed) throws IOException {
        Random random = new Random(seed);
        for (int i = 0; i < 6; i++) {
            Files.writeString(path.resolve("f" + i), "contents");
        }
        Files.createDirectory(path.resolve("d"));
        try (LiveFolder live = new LiveFolder(path, "threads-")) {
            boolean[] busy = new boolean[DEPTH];
            int[] slotOfHead = new int[LiveFolder.QUEUE_SIZE];
            int inFlight = 0;
            int slot = 0;
            for (int i = 0; i < REQUESTS; i++) {
                while (inFlight == DEPTH) {
                    if (live.queue.pollUsed()) {
                        busy[slotOfHead[live.queue.usedId()]] = false;
                        inFlight--;
                    }
                }
                while (busy[slot]) {
                    slot = (slot + 1) % DEPTH;
                }
                live.put(slot, request(random));
                slotOfHead[live.offer(slot)] = slot;
                busy[slot] = true;
                inFlight++;
            }
            while (inFlight > 0) {
                live.awaitUsed();
                inFlight--;
            }
            assertTrue(live.device.nodeCount() <= 64 && live.device.fileCount() <= 16);
            assertEquals(live.device.nodeCount() - 1 + live.device.fileCount(), live.folder.openHandles());
        }
        assertEquals(0, FolderRig.descriptorsUnder(path));
    }

    /** Numbers are low slots of the first generations, as the server gives them out. */
    private static long number(Random random) {
        return (long) random.nextInt(3) << 32 | 1 + random.nextInt(10);
    }

    private static FuseRequest request(Random random) {
        long node = number(random);
        long file = number(random);
        String name = random.nextInt(6) == 0 ? "d" : "f" + random.nextInt(8);
        return switch (random.nextInt(12)) {
            case 0, 1 -> new FuseRequest(FuseProtocol.FUSE_LOOKUP, 1).text(name);
            case 2 -> new FuseRequest(FuseProtocol.FUSE_FORGET, node).u64(1 + random.nextInt(3));
            case 3 -> new FuseRequest(FuseProtocol.FUSE_OPEN, node).u32(random.nextInt(3)).u32(0);
            case 4 -> new FuseRequest(FuseProtocol.FUSE_RELEASE, node).u64(file).u64(0).u64(0);
            case 5 -> FuseClient.readOf(FuseProtocol.FUSE_READ, node, file, 0, 100);
            case 6 -> FuseClient.writeOf(node, file, 0, new byte[50], 0);
            case 7 -> new FuseRequest(FuseProtocol.FUSE_GETATTR, node).u64(0).u64(0);
            case 8 -> new FuseRequest(FuseProtocol.FUSE_OPENDIR, random.nextBoolean() ? 1 : node).u64(0);
            case 9 -> FuseClient.readOf(FuseProtocol.FUSE_READDIRPLUS, 1, file, 0, 4000);
            case 10 -> new FuseRequest(FuseProtocol.FUSE_CREATE, 1)
                    .u32(2).u32(0600).u64(0).text("f" + random.nextInt(8));
            default -> new FuseRequest(FuseProtocol.FUSE_UNLINK, 1).text("f" + random.nextInt(8));
        };
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.jvm.Allocations;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** All threads that a folder's requests pass through, loop and workers, with a real file: nothing is left to the collector. */
@Timeout(300)
class FolderSteadyStateTest {
    private static final String THREADS = "steadyfs-";
    private static final int REQUESTS = 5_000;
    private static final int DEPTH = 8;
    private static final int BLOCK_BYTES = 4096;

    @TempDir
    private Path path;

    @ParameterizedTest
    @ValueSource(ints = {FuseProtocol.FUSE_READ, FuseProtocol.FUSE_WRITE, FuseProtocol.FUSE_GETATTR})
    void requestAllocatesNothingOnAnyThread(int opcode) throws IOException {
        Files.write(path.resolve("file"), new byte[64 * BLOCK_BYTES]);
        try (LiveFolder live = new LiveFolder(path, THREADS)) {
            assertEquals(0, live.call(new FuseRequest(FuseProtocol.FUSE_LOOKUP, 1).text("file")));
            long node = live.answerU64(0);
            assertEquals(0, live.call(new FuseRequest(FuseProtocol.FUSE_OPEN, node).u32(2).u32(0)));
            long file = live.answerU64(0);
            for (int slot = 0; slot < DEPTH * 2; slot++) {
                live.put(slot, request(opcode, node, file, (long) slot * BLOCK_BYTES));
            }

            Allocations.assertNoneOnceWarm(
                    REQUESTS, () -> transfer(live), thread -> thread.getName().startsWith(THREADS));

            assertEquals(0, live.error(0));
        }
    }

    private static FuseRequest request(int opcode, long node, long file, long offset) {
        return switch (opcode) {
            case FuseProtocol.FUSE_WRITE -> FuseClient.writeOf(node, file, offset, new byte[BLOCK_BYTES], 0);
            case FuseProtocol.FUSE_READ -> FuseClient.readOf(opcode, node, file, offset, BLOCK_BYTES);
            default -> new FuseRequest(opcode, node).u64(0).u64(0);
        };
    }

    /** Plays the guest: keeps some requests in flight and sleeps for none. */
    private static void transfer(LiveFolder live) {
        int offered = 0;
        int used = 0;
        while (used < REQUESTS) {
            while (offered < REQUESTS && offered - used < DEPTH) {
                live.offer(offered % (DEPTH * 2));
                offered++;
            }
            while (live.queue.pollUsed()) {
                used++;
            }
            Thread.onSpinWait();
        }
    }
}

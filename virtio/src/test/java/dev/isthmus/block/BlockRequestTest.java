// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.block.MemoryBlockBackend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a worker does with a request. */
class BlockRequestTest {
    /** Where nothing can be discarded or zeroed. */
    private static final long REFUSED = 1 << 20;

    private final List<String> calls = new ArrayList<>();

    /** Writes down what it is asked for. */
    private final class RecordingBackend implements BlockBackend {
        private BlockStatus writeOutcome = BlockStatus.OK;
        private @Nullable Error error;

        @Override
        public long capacityBytes() {
            return 4096;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            if (error != null) {
                throw error;
            }
            calls.add("read " + offsetBytes);
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus write(long offsetBytes, ScatterView source) {
            calls.add("write " + offsetBytes);
            return writeOutcome;
        }

        @Override
        public BlockStatus flush() {
            calls.add("flush");
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus discard(long offsetBytes, long lengthBytes) {
            calls.add("discard " + offsetBytes + " " + lengthBytes);
            return offsetBytes == REFUSED ? BlockStatus.NO_SPACE : BlockStatus.OK;
        }

        @Override
        public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
            calls.add("zero " + offsetBytes + " " + lengthBytes + " " + mayUnmap);
            return offsetBytes == REFUSED ? BlockStatus.NO_SPACE : BlockStatus.OK;
        }

        @Override
        public void close() {
            throw new AssertionError("a request closes nothing");
        }
    }

    private final class Request extends BlockRequest {
        Request(BlockBackend backend, BlockOperation operation) {
            super(backend);
            boolean transfer = operation == BlockOperation.READ || operation == BlockOperation.WRITE;
            prepare(operation, transfer ? 512 : 0, transfer ? 1024 : 0);
        }

        Request stablyWritten() {
            requireStable();
            return this;
        }

        Request over(long offsetBytes, long lengthBytes, boolean unmap) {
            ranges().add(offsetBytes, lengthBytes, unmap);
            return this;
        }

        @Override
        public void complete(BlockStatus status) {
            calls.add("complete " + status);
        }

        @Override
        protected void failed(RuntimeException cause) {
            calls.add("failed " + cause.getMessage());
        }
    }

    private final RecordingBackend backend = new RecordingBackend();

    @Test
    void eachOperationReachesItsMethodAndCompletesOnce() {
        new Request(backend, BlockOperation.READ).run();
        new Request(backend, BlockOperation.WRITE).run();
        new Request(backend, BlockOperation.FLUSH).run();
        new Request(backend, BlockOperation.DISCARD).over(512, 1024, false).run();
        new Request(backend, BlockOperation.WRITE_ZEROES).over(512, 1024, false).over(4096, 512, true).run();

        assertEquals(
                List.of(
                        "read 512",
                        "complete OK",
                        "write 512",
                        "complete OK",
                        "flush",
                        "complete OK",
                        "discard 512 1024",
                        "complete OK",
                        "zero 512 1024 false",
                        "zero 4096 512 true",
                        "complete OK"),
                calls);
    }

    @Test
    void stableWriteIsFollowedByAFlush() {
        new Request(backend, BlockOperation.WRITE).stablyWritten().run();

        assertEquals(List.of("write 512", "flush", "complete OK"), calls);
    }

    @Test
    void stableWriteThatFailsIsNotFlushed() {
        backend.writeOutcome = BlockStatus.NO_SPACE;

        new Request(backend, BlockOperation.WRITE).stablyWritten().run();

        assertEquals(List.of("write 512", "complete NO_SPACE"), calls);
    }

    @Test
    void exceptionOfTheBackendIsToldAndCompletesAsIoError() {
        MemoryBlockBackend throwing = new MemoryBlockBackend(4096, false);
        throwing.throwing(new IllegalStateException("test"));

        new Request(throwing, BlockOperation.FLUSH).run();

        assertEquals(List.of("failed test", "complete IO_ERROR"), calls);
    }

    @Test
    void errorOfTheVirtualMachineStillCompletesTheRequest() {
        backend.error = new OutOfMemoryError("test");

        assertThrows(OutOfMemoryError.class, () -> new Request(backend, BlockOperation.READ).run());

        assertEquals(List.of("complete IO_ERROR"), calls);
    }

    @Test
    void severalRangesEndOnceAndWithTheFirstError() {
        new Request(backend, BlockOperation.DISCARD)
                .over(0, 512, false)
                .over(REFUSED, 512, false)
                .over(1024, 512, false)
                .run();
        new Request(backend, BlockOperation.WRITE_ZEROES)
                .stablyWritten()
                .over(REFUSED, 512, false)
                .over(1024, 512, false)
                .run();

        assertEquals(
                List.of(
                        "discard 0 512",
                        "discard " + REFUSED + " 512",
                        "complete NO_SPACE",
                        "zero " + REFUSED + " 512 false",
                        "complete NO_SPACE"),
                calls);
    }

    @Test
    void zeroesThatMustBeStableAreFlushedOnce() {
        new Request(backend, BlockOperation.WRITE_ZEROES)
                .stablyWritten()
                .over(0, 512, false)
                .over(1024, 512, false)
                .run();

        assertEquals(List.of("zero 0 512 false", "zero 1024 512 false", "flush", "complete OK"), calls);
    }

    @Test
    void preparingAgainForgetsTheLastUse() {
        Request request = new Request(backend, BlockOperation.WRITE).stablyWritten().over(0, 512, true);
        assertTrue(request.stable() && request.ranges().count() == 1);

        request.prepare(BlockOperation.WRITE, 0, 0);

        assertFalse(request.stable() || request.ranges().count() != 0);
    }

    @Test
    void optionalOperationsAreUnsupportedUnlessOffered() {
        MemoryBlockBackend plain = new MemoryBlockBackend(4096, false);

        assertFalse(plain.canDiscard() || plain.canWriteZeroes());
        assertEquals(BlockStatus.UNSUPPORTED, plain.discard(0, 512));
        assertEquals(BlockStatus.UNSUPPORTED, plain.writeZeroes(0, 512, true));
    }
}

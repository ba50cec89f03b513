// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;

import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.device.ManualEventLoop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class RequestMergerTest {
    private static final int SECTOR = 512;

    /** A disk that writes down what it was asked for, and fails what touches one sector. */
    private static final class Disk implements BlockBackend {
        private final List<String> transfers = new ArrayList<>();
        private long badSector = -1;

        private BlockStatus transfer(String kind, long offsetBytes, ScatterView data) {
            transfers.add(kind + " " + offsetBytes / SECTOR + "+" + data.totalBytes() / SECTOR);
            long bad = badSector * SECTOR;
            return offsetBytes <= bad && bad < offsetBytes + data.totalBytes() ? BlockStatus.IO_ERROR : BlockStatus.OK;
        }

        @Override
        public long capacityBytes() {
            return 8 << 20;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            return transfer("read", offsetBytes, target);
        }

        @Override
        public BlockStatus write(long offsetBytes, ScatterView source) {
            return transfer("write", offsetBytes, source);
        }

        @Override
        public BlockStatus flush() {
            transfers.add("flush");
            return BlockStatus.OK;
        }

        @Override
        public void close() {}
    }

    private class Request extends BlockRequest {
        Request(BlockBackend disk, BlockOperation operation, int sector, int sectors) {
            super(disk);
            prepare(operation, (long) sector * SECTOR, (long) sectors * SECTOR);
            mutableData().add(MemorySegment.ofArray(new byte[sectors * SECTOR]), 0, (long) sectors * SECTOR);
        }

        Request stably() {
            requireStable();
            return this;
        }

        @Override
        public void complete(BlockStatus status) {
            ended.add(offsetBytes() / SECTOR + " " + status);
        }

        @Override
        protected void failed(RuntimeException cause) {}
    }

    private final Disk disk = new Disk();
    private final List<String> ended = new CopyOnWriteArrayList<>();
    private final ArrayDeque<BlockRequest> submitted = new ArrayDeque<>();
    private final RequestMerger merger = new RequestMerger(submitted::add, disk, new ManualEventLoop());

    private void submit(BlockRequest... requests) {
        for (BlockRequest request : requests) {
            merger.submit(request);
        }
        merger.dispatch();
    }

    private Request read(int sector, int sectors) {
        return new Request(disk, BlockOperation.READ, sector, sectors);
    }

    private Request write(int sector, int sectors) {
        return new Request(disk, BlockOperation.WRITE, sector, sectors);
    }

    /** Carries out what was submitted, on a thread that is not the loop's. */
    private void work() {
        CompletableFuture.runAsync(() -> submitted.forEach(BlockRequest::run)).join();
        submitted.clear();
    }

    @Test
    void neighboursAreOneTransfer() {
        for (int round = 0; round < 3; round++) {
            submit(read(8, 8), read(16, 1), read(17, 8), write(25, 8), write(33, 8));
            work();

            assertEquals(List.of("read 8+17", "write 25+16"), disk.transfers);
            assertEquals(List.of("8 OK", "16 OK", "17 OK", "25 OK", "33 OK"), ended);
            disk.transfers.clear();
            ended.clear();
        }
    }

    @Test
    void batchesAreNotMergedWithEachOther() {
        submit(read(0, 8));
        submit(read(8, 8));

        assertEquals(2, submitted.size());
    }

    @Test
    void whatDoesNotContinueIsARequestOfItsOwnAndTheOrderStays() {
        submit(
                write(0, 8),
                write(9, 8),
                write(7, 8),
                read(15, 8),
                write(23, 8).stably(),
                write(31, 8).stably(),
                new Request(disk, BlockOperation.FLUSH, 0, 1),
                read(39, 8192),
                read(8231, 1));
        work();

        assertEquals(
                List.of(
                        "write 0+8", "write 9+8", "write 7+8", "read 15+8", "write 23+8", "flush", "write 31+8", "flush",
                        "flush", "read 39+8192", "read 8231+1"),
                disk.transfers);
        assertEquals(9, ended.size());
    }

    @Test
    void noTransferIsLargerThanFourMebibytesNorOfMoreThan32Requests() {
        BlockRequest[] large = new BlockRequest[5];
        for (int i = 0; i < large.length; i++) {
            large[i] = read(i * 2048, 2048);
        }
        submit(large);
        work();
        assertEquals(List.of("read 0+8192", "read 8192+2048"), disk.transfers);

        disk.transfers.clear();
        BlockRequest[] small = new BlockRequest[33];
        for (int i = 0; i < small.length; i++) {
            small[i] = write(i, 1);
        }
        submit(small);
        work();
        assertEquals(List.of("write 0+32", "write 32+1"), disk.transfers);
    }

    @Test
    void ofRequestsThatFailTogetherEachGetsItsOwnOutcome() {
        disk.badSector = 9;

        submit(read(0, 8), read(8, 8), read(16, 8));
        work();

        assertEquals(List.of("read 0+24", "read 0+8", "read 8+8", "read 16+8"), disk.transfers);
        assertEquals(List.of("0 OK", "8 IO_ERROR", "16 OK"), ended);
    }

    @Test
    void whatTheEngineRefusesIsNotCarriedOutOnTheLoop() {
        RequestMerger refused =
                new RequestMerger(request -> request.complete(BlockStatus.IO_ERROR), disk, new ManualEventLoop());

        refused.submit(read(0, 8));
        refused.submit(read(8, 8));
        refused.dispatch();

        assertEquals(List.of("0 IO_ERROR", "8 IO_ERROR"), ended);
        assertEquals(List.of(), disk.transfers);
    }

    @Test
    void errorWithinOneLeavesNoneUnanswered() {
        Request failing = new Request(disk, BlockOperation.READ, 0, 8) {
            @Override
            public void complete(BlockStatus status) {
                super.complete(status);
                throw new OutOfMemoryError("for a test");
            }
        };
        submit(failing, read(8, 8));

        assertThrows(CompletionException.class, this::work);

        assertEquals(List.of("0 OK", "8 IO_ERROR"), ended);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.ScatterView;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** The disks of a machine beside each other. */
@Timeout(60)
class DiskEnginesTest {
    private static final int HUNG_REQUESTS = 64;

    /** A disk whose flushes last until they are let go. */
    private static final class HangingDisk implements BlockBackend {
        final CountDownLatch gate;

        HangingDisk(int closed) {
            gate = new CountDownLatch(closed);
        }

        @Override
        public long capacityBytes() {
            return 0;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            return BlockStatus.IO_ERROR;
        }

        @Override
        public BlockStatus write(long offsetBytes, ScatterView source) {
            return BlockStatus.IO_ERROR;
        }

        @Override
        public BlockStatus flush() {
            try {
                gate.await();
                return BlockStatus.OK;
            } catch (InterruptedException e) {
                return BlockStatus.IO_ERROR;
            }
        }

        @Override
        public void close() {}
    }

    private static final class Flush extends BlockRequest {
        final CountDownLatch done = new CountDownLatch(1);

        Flush(BlockBackend backend) {
            super(backend);
            prepare(BlockOperation.FLUSH, 0, 0);
        }

        @Override
        public void complete(BlockStatus status) {
            done.countDown();
        }

        @Override
        protected void failed(RuntimeException cause) {
            throw new AssertionError(cause);
        }
    }

    @ParameterizedTest
    @EnumSource(DiskEngine.class)
    void diskThatHangsWithAllItsWorkersKeepsNothingFromAnother(DiskEngine engine) throws Exception {
        DiskConfig disk = DiskConfig.raw(Path.of("disk")).withEngine(engine);
        MachineConfig config = MachineConfig.builder(Path.of("kernel"))
                .name("engines")
                .disk(disk)
                .disk(disk)
                .build();
        HangingDisk hanging = new HangingDisk(1);
        HangingDisk healthy = new HangingDisk(0);
        List<Flush> hung = new ArrayList<>();
        IoThread.FailureHandler bug = thrown -> {
            throw new AssertionError(thrown);
        };
        try (IoThread loop = IoThread.start("engines-io", bug);
                DiskEngines engines = DiskEngines.open(config, loop, bug)) {
            BlockExecutor first = engines.of(disk, 0, hanging);
            BlockExecutor second = engines.of(disk, 1, healthy);
            for (int i = 0; i < HUNG_REQUESTS; i++) {
                Flush flush = new Flush(hanging);
                hung.add(flush);
                submit(loop, first, flush);
            }

            Flush flush = new Flush(healthy);
            submit(loop, second, flush);

            assertTrue(flush.done.await(50, TimeUnit.SECONDS));
            hanging.gate.countDown();
            for (Flush late : hung) {
                late.done.await();
            }
        }
    }

    /** Submits as a device does. */
    private static void submit(IoThread loop, BlockExecutor engine, Flush flush) {
        loop.call(() -> {
            engine.submit(flush);
            engine.dispatch();
        });
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import dev.isthmus.fuse.FuseOutcome;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a file system device has done. Written by its loop thread, read by any. */
final class FsCounters implements Statistics {
    private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);

    private static final int REQUESTS = 0;
    private static final int ERRORS = 1;
    private static final int READS = 2;
    private static final int READ_BYTES = 3;
    private static final int WRITES = 4;
    private static final int WRITE_BYTES = 5;

    private static final String[] NAMES = {"requests", "errors", "reads", "read_bytes", "writes", "write_bytes"};

    private final long[] values = new long[NAMES.length];

    /** Counts a request that has ended. Loop thread. */
    void count(FuseOutcome outcome) {
        add(REQUESTS, 1);
        if (outcome.error() != 0) {
            add(ERRORS, 1);
        } else if (outcome.opcode() == FuseProtocol.FUSE_READ) {
            add(READS, 1);
            add(READ_BYTES, outcome.payloadBytes());
        } else if (outcome.opcode() == FuseProtocol.FUSE_WRITE) {
            add(WRITES, 1);
            add(WRITE_BYTES, outcome.payloadBytes());
        }
    }

    private void add(int counter, long more) {
        VALUES.setOpaque(values, counter, values[counter] + more);
    }

    @Override
    public void report(StatisticsSink sink) {
        for (int i = 0; i < NAMES.length; i++) {
            sink.counter(NAMES[i], (long) VALUES.getOpaque(values, i));
        }
    }
}

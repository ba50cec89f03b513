// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.EnumMap;
import java.util.Objects;

import dev.isthmus.block.BlockStatus;

/**
 * Metadata could not be read, written or allocated. Thrown and caught within this package: operations answer its status.
 * The cause has been logged where it happened. One object a status, without a stack: a full disk is no surprise.
 */
final class IoFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final EnumMap<BlockStatus, IoFailure> OF_STATUS = makeAll();

    private final BlockStatus status;

    private IoFailure(BlockStatus status) {
        super(status.name(), null, false, false);
        this.status = status;
    }

    private static EnumMap<BlockStatus, IoFailure> makeAll() {
        EnumMap<BlockStatus, IoFailure> failures = new EnumMap<>(BlockStatus.class);
        for (BlockStatus status : BlockStatus.values()) {
            failures.put(status, new IoFailure(status));
        }
        return failures;
    }

    static IoFailure of(BlockStatus status) {
        return Objects.requireNonNull(OF_STATUS.get(status));
    }

    /** Throws unless the status is OK. */
    static void check(BlockStatus status) {
        if (status != BlockStatus.OK) {
            throw of(status);
        }
    }

    /** Throws unless a read succeeded; what lies beyond the end of a file reads as zeroes. */
    static void checkRead(BlockStatus status) {
        if (status != BlockStatus.OUT_OF_RANGE) {
            check(status);
        }
    }

    BlockStatus status() {
        return status;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * One request to a disk: reusable, so that a device needs no more of them than it ever has in flight.
 *
 * <p>Ownership passes with the request: the device fills it and submits it, the {@link BlockExecutor} owns it until
 * {@link #complete}, which passes it back.
 */
public abstract class BlockRequest implements Runnable {
    private final BlockBackend backend;
    private final ScatterList data = new ScatterList();
    private BlockOperation operation = BlockOperation.FLUSH;
    private long offsetBytes;
    private long lengthBytes;
    private boolean stable;
    private final RangeList ranges = new RangeList();

    /** Makes a request for one disk. */
    protected BlockRequest(BlockBackend backend) {
        this.backend = backend;
    }

    /**
     * Sets what to do, all but data and ranges.
     *
     * @param newOperation the operation
     * @param newOffsetBytes where in the disk to read or write, in bytes; else 0
     * @param newLengthBytes how much, in bytes: the total of {@link #data}
     */
    protected final void prepare(BlockOperation newOperation, long newOffsetBytes, long newLengthBytes) {
        operation = newOperation;
        offsetBytes = newOffsetBytes;
        lengthBytes = newLengthBytes;
        stable = false;
        data.clear();
        ranges.clear();
    }

    /** Asks that a write be stable when it completes. */
    protected final void requireStable() {
        stable = true;
    }

    /** Returns the disk. */
    public final BlockBackend backend() {
        return backend;
    }

    /** Returns what to do. */
    public final BlockOperation operation() {
        return operation;
    }

    /** Returns where in the disk to read or write, in bytes. */
    public final long offsetBytes() {
        return offsetBytes;
    }

    /** Returns how much to read or write, in bytes. */
    public final long lengthBytes() {
        return lengthBytes;
    }

    /** Returns the memory to fill or to write from; empty but for reads and writes. */
    public final ScatterView data() {
        return data;
    }

    /** Returns the memory to fill or to write from, for the device to set up. */
    protected final ScatterList mutableData() {
        return data;
    }

    /** Tells whether a write must be stable when it completes, as if a flush followed. */
    public final boolean stable() {
        return stable;
    }

    /** Returns what to discard or to zero; empty for other operations. */
    public final RangeList ranges() {
        return ranges;
    }

    /** Carries the request out on the calling thread and completes it, whatever happens. */
    @Override
    public final void run() {
        BlockStatus status = BlockStatus.IO_ERROR;
        try {
            status = perform();
        } catch (RuntimeException e) {
            failed(e);
        } finally {
            complete(status);
        }
    }

    private BlockStatus perform() {
        return switch (operation) {
            case READ -> backend.read(offsetBytes, data);
            case WRITE -> stably(backend.write(offsetBytes, data));
            case FLUSH -> backend.flush();
            case DISCARD -> discardAll();
            case WRITE_ZEROES -> stably(zeroAll());
        };
    }

    private BlockStatus stably(BlockStatus written) {
        return written == BlockStatus.OK && stable ? backend.flush() : written;
    }

    /** Ends at the first range that fails: what becomes of the others is nobody's to rely on. */
    private BlockStatus discardAll() {
        BlockStatus status = BlockStatus.OK;
        for (int i = 0; i < ranges.count() && status == BlockStatus.OK; i++) {
            status = backend.discard(ranges.offsetBytes(i), ranges.lengthBytes(i));
        }
        return status;
    }

    private BlockStatus zeroAll() {
        BlockStatus status = BlockStatus.OK;
        for (int i = 0; i < ranges.count() && status == BlockStatus.OK; i++) {
            status = backend.writeZeroes(ranges.offsetBytes(i), ranges.lengthBytes(i), ranges.mayUnmap(i));
        }
        return status;
    }

    /**
     * Ends the request; the caller must not touch it afterwards. Any thread; never blocks, allocates nothing.
     *
     * @param status how it ended
     */
    public abstract void complete(BlockStatus status);

    /** Is told of an exception of the backend, for the log; {@link #complete} with an I/O error follows. */
    protected abstract void failed(RuntimeException cause);
}

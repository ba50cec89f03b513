// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.ChainWriter;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * One running request queue: takes the driver's requests, checks them, submits them, and hands them back (virtio 1.2,
 * section 5.2.6).
 *
 * <pre>
 *  driver → pop → check ──(sound)──→ gate → executor → worker → CompletionQueue → finish → push → driver
 *                   └──(refused: IOERR, UNSUPP; or answered at once: GET_ID)─────────────────↗
 * </pre>
 *
 * <p>Loop thread only, but for {@link #reportBackendFailure}. A chain that cannot carry a request at all (no room for a
 * header or a status) is a broken queue; everything else is answered in the status byte.
 */
final class BlkQueue {
    private final int index;
    private final Virtqueue queue;
    private final BlockBackend backend;
    private final BlockExecutor executor;
    private final DriverSignals driver;
    private final FaultLog faults;
    private final CompletionQueue completions;
    private final byte[] id;
    private final boolean readOnly;
    private final long features;
    private final boolean unmapAllowed;
    private final WriteCache cache;
    private final RequestGate gate;
    private final BlkStatistics statistics;

    private final SegmentParser segments;
    private final ChainReader reader = new ChainReader();
    private final ChainWriter writer = new ChainWriter();
    private @Nullable BlkRequest free;

    /** Requests that were submitted and have not come back. */
    private int submitted;

    /** Set when the queue is malformed: nothing more is taken. */
    private boolean broken;

    /** The driver takes the queue back: what fails now is not kept to be repeated. */
    private boolean stopping;

    /**
     * Takes up a queue.
     *
     * @param features what was negotiated
     * @param options the device's
     * @param cache whether a write must be stable when it completes
     * @param gate where requests go
     * @param statistics what requests are counted in
     */
    BlkQueue(
            int index,
            Virtqueue queue,
            BlockBackend backend,
            BlockExecutor executor,
            DriverSignals driver,
            FaultLog faults,
            CompletionQueue completions,
            long features,
            VirtioBlkOptions options,
            WriteCache cache,
            RequestGate gate,
            BlkStatistics statistics) {
        this.index = index;
        this.queue = queue;
        this.backend = backend;
        this.executor = executor;
        this.driver = driver;
        this.faults = faults;
        this.completions = completions;
        this.id = options.idBytes();
        this.readOnly = backend.readOnly();
        this.features = features;
        this.unmapAllowed = options.discard() && backend.canDiscard();
        this.cache = cache;
        this.gate = gate;
        this.statistics = statistics;
        this.segments = new SegmentParser(faults);
    }

    /**
     * Takes what the driver has made available, at most one round of the queue, so that a driver that refills it all
     * the time cannot keep the loop.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether more may be available, for a later call
     */
    boolean process(boolean polled) {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            PopOutcome outcome = broken ? null : queue.pop();
            while (outcome instanceof DescriptorChain chain) {
                handle(chain);
                if (broken || --budget == 0) {
                    outcome = null;
                } else {
                    outcome = queue.pop();
                }
            }
            if (outcome instanceof Malformed malformed) {
                fail(malformed.reason().description());
            }
            executor.dispatch();
        } while (!broken && budget > 0 && !polled && queue.enableNotifications());
        return !broken && budget == 0;
    }

    /** Tells whether {@link #process} would find something. */
    boolean hasAvailable() {
        return !broken && !stopping && queue.hasAvailable();
    }

    /** Advises the driver that it need not notify. */
    void disableNotifications() {
        queue.disableNotifications();
    }

    private void fail(String reason) {
        broken = true;
        driver.needsReset(index, reason);
    }

    private void handle(DescriptorChain chain) {
        ScatterView writable = chain.writable();
        reader.reset(chain);
        if (reader.remainingBytes() < VirtioBlkProtocol.HEADER_BYTES || writable.totalBytes() == 0) {
            // There is no status byte to write, or nothing that says what is wanted.
            fail("request without header or status");
            return;
        }
        long type = reader.readU32();
        reader.skip(Integer.BYTES);
        long sector = reader.readU64();
        switch ((int) type) {
            case VirtioBlkProtocol.VIRTIO_BLK_T_IN ->
                transfer(chain, BlockOperation.READ, sector, writable.totalBytes() - 1);
            case VirtioBlkProtocol.VIRTIO_BLK_T_OUT ->
                transfer(chain, BlockOperation.WRITE, sector, reader.remainingBytes());
            case VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH -> gate.submit(take(chain, BlockOperation.FLUSH, 0, 0));
            case VirtioBlkProtocol.VIRTIO_BLK_T_GET_ID -> getId(chain);
            case VirtioBlkProtocol.VIRTIO_BLK_T_DISCARD ->
                change(chain, BlockOperation.DISCARD, VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD);
            case VirtioBlkProtocol.VIRTIO_BLK_T_WRITE_ZEROES ->
                change(chain, BlockOperation.WRITE_ZEROES, VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES);
            default -> answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_UNSUPP, 0);
        }
    }

    /** Reads or writes sectors, if the driver asks for what there is (5.2.6.1, 5.2.6.2). */
    private void transfer(DescriptorChain chain, BlockOperation operation, long sector, long lengthBytes) {
        boolean write = operation == BlockOperation.WRITE;
        String refusal = refusal(write, sector, lengthBytes);
        if (refusal != null) {
            faults.report(refusal);
            statistics.refused.increment();
            answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_IOERR, 0);
            return;
        }
        if (lengthBytes == 0) {
            answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_OK, 0);
            return;
        }
        // No overflow: the sector is within the capacity, which in bytes is a positive long.
        BlkRequest request = take(chain, operation, sector * VirtioBlkProtocol.SECTOR_BYTES, lengthBytes);
        if (write) {
            reader.drainTo(request.buffers());
            if (!cache.writeback()) {
                request.makeStable();
            }
        } else {
            request.buffers().addSlice(chain.writable(), 0, lengthBytes);
        }
        gate.submit(request);
    }

    /** Discards or zeroes, if the driver asks for what there is (5.2.6.1, 5.2.6.2). */
    private void change(DescriptorChain chain, BlockOperation operation, long feature) {
        if (readOnly) {
            faults.report("write to a read-only disk");
            statistics.refused.increment();
            answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_IOERR, 0);
            return;
        }
        if ((features & feature) == 0) {
            answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_UNSUPP, 0);
            return;
        }
        BlkRequest request = take(chain, operation, 0, 0);
        boolean discard = operation == BlockOperation.DISCARD;
        int status = segments.parse(reader, discard, unmapAllowed, backend.capacityBytes(), request.ranges());
        if (status != VirtioBlkProtocol.VIRTIO_BLK_S_OK || request.ranges().count() == 0) {
            if (status != VirtioBlkProtocol.VIRTIO_BLK_S_OK) {
                statistics.refused.increment();
            }
            answer(request.endChain(), status, 0);
            giveBack(request);
            return;
        }
        if (!discard && !cache.writeback()) {
            request.makeStable();
        }
        gate.submit(request);
    }

    private @Nullable String refusal(boolean write, long sector, long lengthBytes) {
        if (write && readOnly) {
            return "write to a read-only disk";
        }
        if (lengthBytes % VirtioBlkProtocol.SECTOR_BYTES != 0) {
            return "length of a transfer is no multiple of 512 bytes";
        }
        long capacity = backend.capacityBytes() / VirtioBlkProtocol.SECTOR_BYTES;
        // A sector beyond 2^63 is negative here.
        if (sector < 0 || sector > capacity || lengthBytes / VirtioBlkProtocol.SECTOR_BYTES > capacity - sector) {
            return "transfer beyond the end of the disk";
        }
        return null;
    }

    private void getId(DescriptorChain chain) {
        writer.reset(chain);
        int length = (int) Math.min(id.length, writer.remainingBytes() - 1);
        writer.write(id, 0, length);
        answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_OK, length);
    }

    private BlkRequest take(DescriptorChain chain, BlockOperation operation, long offsetBytes, long lengthBytes) {
        BlkRequest request = free;
        if (request == null) {
            request = new BlkRequest(backend, this, completions);
        } else {
            free = request.next;
        }
        request.begin(chain, operation, offsetBytes, lengthBytes);
        return request;
    }

    /** The gate is about to pass one of this queue's requests to the executor. */
    void submitting() {
        submitted++;
    }

    private void giveBack(BlkRequest request) {
        request.next = free;
        free = request;
    }

    /** Hands a request back to the driver that came back from the executor, and keeps the object for the next. */
    void finish(BlkRequest request) {
        submitted--;
        if (gate.ended(request, !stopping)) {
            return;
        }
        DescriptorChain chain = request.endChain();
        BlockStatus outcome = request.outcome();
        if (outcome == BlockStatus.OK) {
            statistics.count(request.operation(), request.lengthBytes());
            long readBytes = request.operation() == BlockOperation.READ ? request.lengthBytes() : 0;
            answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_OK, readBytes);
        } else {
            report(outcome);
            statistics.failed.increment();
            answer(chain, VirtioBlkProtocol.VIRTIO_BLK_S_IOERR, 0);
        }
        giveBack(request);
    }

    /** Logs what no call to the host failed for; the backend has logged the rest, and knows more. */
    private void report(BlockStatus outcome) {
        switch (outcome) {
            case OUT_OF_RANGE -> faults.report("request failed: the disk has shrunk");
            case READ_ONLY -> faults.report("request failed: the disk is read-only");
            case UNSUPPORTED -> faults.report("request failed: not supported by the disk's format");
            case OK, IO_ERROR, NO_SPACE -> {}
        }
    }

    /**
     * Writes the status byte and pushes the chain.
     *
     * @param filledBytes how many bytes before it, from the start of the device-writable part, were written
     */
    private void answer(DescriptorChain chain, int status, long filledBytes) {
        ScatterView writable = chain.writable();
        long statusPosition = writable.totalBytes() - 1;
        writable.setByte(statusPosition, (byte) status);
        // The used length counts from the first byte without a gap (2.7.8.2), so the status byte counts only where all
        // before it was filled.
        queue.push(chain, filledBytes == statusPosition ? filledBytes + 1 : filledBytes);
    }

    /** Takes no part any more but in handing back what the executor has. */
    void stop() {
        stopping = true;
        gate.drop(this);
    }

    /** Interrupts for what was pushed since, if the driver wants it. */
    void signalUsed() {
        if (queue.needsNotification()) {
            driver.usedBuffers(index);
        }
    }

    /** Tells whether the driver broke the queue. */
    boolean broken() {
        return broken;
    }

    /** Returns how many requests the executor still has. */
    int submitted() {
        return submitted;
    }

    /** Logs an exception of the backend. Any thread. */
    void reportBackendFailure(RuntimeException cause) {
        faults.report("request failed: " + cause);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DirectAccess;
import dev.isthmus.block.RawImage;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.IoUring;

/**
 * Does disk I/O through an io_uring of the loop's own: reads and writes whose place in a file is known go straight
 * between it and guest RAM, a batch with one system call, and complete on the loop's thread.
 *
 * <p>Everything else goes to the disk workers: what is no read or write, what needs a format's metadata read, written or
 * locked, and what did not go as expected. So errors, short reads and all that is rare have one implementation, that of
 * {@link dev.isthmus.block.BlockBackend}; repeating a request there is harmless, because the guest has not been told
 * that it ended.
 *
 * <p>Role IOTHREAD: all but {@link #submit} on the loop's thread, and that passes requests of other threads on to the
 * workers. Allocates nothing once as many requests were in flight as ever are.
 */
public final class IoUringEngine implements BlockExecutor, LoopPoller, AutoCloseable {
    /** Requests prepared at most between two system calls. */
    private static final int ENTRIES = 256;

    /**
     * Larger requests go to the workers. What is in the page cache the kernel copies while we submit, and what is in no file
     * we fill with zeroes ourselves: a queue full of these must not keep the loop.
     */
    private static final long REQUEST_BYTES_MAX = 4 << 20;

    /** How long after the kernel refused entries it is asked again. */
    private static final long RETRY_NANOS = 1_000_000;

    /** Low bits of a completion's user data: the length that was asked for. High bits: the number of its flight. */
    private static final int LENGTH_BITS = 31;

    private static final long LENGTH_MASK = (1L << LENGTH_BITS) - 1;

    private final EventLoop loop;
    private final BlockExecutor workers;
    private final IoUring ring;
    private final int inFlightMax;
    private @Nullable FdWatch watch;

    /** All flights ever made, by their number. */
    private Flight[] flights = new Flight[16];

    private int made;

    /** Numbers of those that are free. */
    private int[] free = new int[16];

    private int freeCount;

    /** Has entries tried again that the kernel has refused. */
    private @Nullable LoopTimer retry;

    /** The kernel has refused entries. */
    private boolean unsent;

    /** Entries whose completion has not come. */
    private int inFlight;

    /**
     * Makes an engine.
     *
     * @param loop whose thread submits and completes
     * @param workers does what the ring does not
     * @throws dev.isthmus.kvm.linux.ErrnoException if the host has no io_uring for us
     */
    public IoUringEngine(EventLoop loop, BlockExecutor workers) {
        this.loop = loop;
        this.workers = workers;
        this.ring = IoUring.create(ENTRIES);
        this.inFlightMax = ring.completionEntries();
        loop.post(new Watch());
    }

    @Override
    public void submit(BlockRequest request) {
        if (!loop.inLoop() || !begin(request)) {
            workers.submit(request);
        }
    }

    @Override
    public void dispatch() {
        send();
        workers.dispatch();
        if (ring.completions() > 0) {
            // Reads from the page cache are done by now: their completion needs no wake-up.
            complete();
        }
    }

    @Override
    public void begin() {
        // Completions appear in the ring whether somebody waits for them or not.
    }

    @Override
    public void end() {
        // As long as completions are in the ring, its descriptor is ready.
    }

    @Override
    public boolean poll() {
        if (ring.completions() == 0) {
            return false;
        }
        complete();
        return true;
    }

    /**
     * Hands over what is prepared. What the kernel has no memory for now is tried again after a while, whether or not
     * anything else happens until then.
     */
    private void send() {
        unsent = ring.submit() > 0;
        if (unsent && retry != null) {
            retry.arm(loop.nanoTime() + RETRY_NANOS);
        }
    }

    private boolean begin(BlockRequest request) {
        boolean write = request.operation() == BlockOperation.WRITE;
        if ((!write && request.operation() != BlockOperation.READ)
                || request.lengthBytes() > REQUEST_BYTES_MAX
                || !(request.backend() instanceof DirectAccess access)) {
            return false;
        }
        if (request.stable() && !(access instanceof RawImage)) {
            // A format's metadata would have to be made stable, too.
            return false;
        }
        Flight flight = takeFlight();
        if (!access.map(write, request.offsetBytes(), request.lengthBytes(), flight.extents)) {
            release(flight);
            return false;
        }
        flight.begin(request, access, write);
        if (!flight.plan() || !hasRoom(flight.entries())) {
            access.unmap(write, flight.extents);
            release(flight);
            return false;
        }
        flight.prepare(ring);
        inFlight += flight.entries();
        if (flight.entries() == 0) {
            // Nothing but zeroes.
            end(flight);
        }
        return true;
    }

    /** Makes room for entries; tells whether there is any. */
    private boolean hasRoom(int entries) {
        if (entries > inFlightMax - inFlight) {
            return false;
        }
        if (ring.freeEntries() < entries) {
            send();
        }
        return ring.freeEntries() >= entries;
    }

    private void complete() {
        assert loop.inLoop();
        int count = ring.completions();
        for (int i = 0; i < count; i++) {
            long userData = ring.userData(i);
            Flight flight = flights[(int) (userData >>> LENGTH_BITS)];
            inFlight--;
            if (flight.completed(ring.result(i), (int) (userData & LENGTH_MASK))) {
                end(flight);
            }
        }
        ring.advance(count);
    }

    private void end(Flight flight) {
        BlockRequest request = flight.end();
        boolean failed = flight.failed();
        release(flight);
        if (failed) {
            workers.submit(request);
            workers.dispatch();
        } else {
            request.complete(BlockStatus.OK);
        }
    }

    private Flight takeFlight() {
        if (freeCount > 0) {
            return flights[free[--freeCount]];
        }
        if (made == flights.length) {
            flights = Arrays.copyOf(flights, 2 * made);
            free = Arrays.copyOf(free, 2 * made);
        }
        Flight flight = new Flight((long) made << LENGTH_BITS);
        flights[made] = flight;
        made++;
        return flight;
    }

    private void release(Flight flight) {
        flight.clear();
        free[freeCount++] = (int) (flight.userData() >>> LENGTH_BITS);
    }

    /** Closes the ring. Nothing is in flight any more, and the loop still runs. */
    @Override
    public void close() {
        loop.call(new Unwatch());
        ring.close();
    }

    private final class Watch implements Runnable, FdWatch.Callback {
        @Override
        public void run() {
            retry = loop.newTimer(new Retry());
            watch = loop.watch(ring.fd().number(), FdWatch.READABLE, this);
            loop.addPoller(IoUringEngine.this);
        }

        @Override
        public void ready(int ready) {
            poll();
        }
    }

    private final class Retry implements Runnable {
        @Override
        public void run() {
            if (unsent) {
                dispatch();
            }
        }
    }

    private final class Unwatch implements Runnable {
        @Override
        public void run() {
            if (watch != null) {
                watch.close();
            }
            if (retry != null) {
                retry.cancel();
            }
            loop.removePoller(IoUringEngine.this);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A backend on a real loop, with a device that takes what comes; the test's thread is the guest. */
final class LiveBackend implements NetBackend.Listener, AutoCloseable {
    private static final long PATIENCE_SECONDS = 60;

    /** A packet that came. */
    record Received(int pair, byte[] packet) {
        byte[] frame() {
            return Arrays.copyOfRange(packet, VirtioNetProtocol.HEADER_BYTES, packet.length);
        }
    }

    private final AtomicReference<@Nullable Throwable> bug = new AtomicReference<>();
    final IoThread loop = IoThread.start("net-test", bug::set);
    final HostNetBackend backend;
    final LinkedBlockingQueue<Received> received = new LinkedBlockingQueue<>();
    final Semaphore linkChanges = new Semaphore(0);
    private final Semaphore writable = new Semaphore(0);
    private final Arena arena = Arena.ofShared();
    private final MemorySegment target = arena.allocate(VirtioNetProtocol.PACKET_BYTES_MAX);
    private final MemorySegment source = arena.allocate(VirtioNetProtocol.PACKET_BYTES_MAX);
    private final ScatterList room = new ScatterList();
    private final ScatterList packet = new ScatterList();

    LiveBackend(HostNetBackend backend) {
        this.backend = backend;
        // In two pieces, as a window and its spare memory.
        room.add(target, 0, 100);
        room.add(target, 100, VirtioNetProtocol.PACKET_BYTES_MAX - 100);
        backend.attach(this);
        start();
    }

    void start() {
        loop.call(() -> backend.start(loop));
    }

    void stop() {
        loop.call(backend::stop);
    }

    @Override
    public void readable(int pair) {
        int bytes = backend.receive(pair, room);
        while (bytes != NetBackend.NOTHING) {
            received.add(new Received(pair, target.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE)));
            bytes = backend.receive(pair, room);
        }
    }

    @Override
    public void writable(int pair) {
        writable.release();
    }

    @Override
    public void linkChanged() {
        linkChanges.release();
    }

    /** Sends a packet, once there is room. */
    SendOutcome send(int pair, byte[] bytes) {
        SendOutcome outcome = trySend(pair, bytes);
        while (outcome == SendOutcome.FULL) {
            try {
                assertTrue(writable.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS), "never writable again");
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            outcome = trySend(pair, bytes);
        }
        return outcome;
    }

    /** Sends a packet, if there is room. */
    SendOutcome trySend(int pair, byte[] bytes) {
        SendOutcome[] outcome = new SendOutcome[1];
        loop.call(() -> {
            MemorySegment.copy(bytes, 0, source, ValueLayout.JAVA_BYTE, 0, bytes.length);
            packet.clear();
            packet.add(source, 0, VirtioNetProtocol.HEADER_BYTES);
            packet.add(source, VirtioNetProtocol.HEADER_BYTES, bytes.length - VirtioNetProtocol.HEADER_BYTES);
            writable.drainPermits();
            outcome[0] = backend.send(pair, packet);
        });
        return outcome[0];
    }

    /** Waits for a packet of a kind; others are lost. */
    Received await(Predicate<Received> kind) {
        Received found = tryAwait(kind, PATIENCE_SECONDS * 1000);
        assertNotNull(found, "nothing came");
        return found;
    }

    @Nullable Received tryAwait(Predicate<Received> kind, long millis) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        try {
            while (true) {
                Received next = received.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (next == null || kind.test(next)) {
                    return next;
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits until the device has been told of a change of the link. */
    void awaitLinkChange() {
        try {
            assertTrue(linkChanges.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS), "the link does not change");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Does something on the loop. */
    void onLoop(Runnable task) {
        loop.call(task);
    }

    /** Waits for something that nobody tells of. */
    static void awaitTrue(BooleanSupplier condition, String what) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, what);
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        if (backend.linkUp()) {
            stop();
        }
        backend.close();
        backend.close();
        loop.close();
        arena.close();
        assertNull(bug.get());
    }
}

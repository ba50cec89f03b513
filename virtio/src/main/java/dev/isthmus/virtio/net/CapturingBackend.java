// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.io.IOException;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/**
 * A backend that writes all frames that pass another one to a file: those that it takes and those that it gives, before
 * the guest's filters. The file is in pcapng with nanoseconds, and what is in it is never older than
 * {@value #FLUSH_NANOS} ns.
 *
 * <p>Where the file fails, the capture ends with a message in the log, and frames pass as before.
 *
 * <p>Threads are those of {@link NetBackend}.
 */
public final class CapturingBackend implements NetBackend, Statistics {
    /** How long frames wait to be written together. */
    static final long FLUSH_NANOS = 200_000_000;

    private static final long NANOS_PER_MILLI = 1_000_000;

    private final NetBackend backend;
    private final CaptureFile file;
    private final FaultLog faults;
    private final LongSupplier epochNanos;
    private final PcapngBuffer buffer;
    private final PacketHead head = new PacketHead();
    private final Counter captured = new Counter();
    private final Counter failures = new Counter();
    private @Nullable EventLoop loop;
    private @Nullable LoopTimer timer;
    private boolean waiting;
    private boolean failed;

    /**
     * Captures what passes a backend.
     *
     * @param backend the other one, which must not be attached yet
     * @param file takes the capture, to be closed by its maker after the last {@link #flush}
     * @param interfaceName what the interface is called in the file, and the capture in log messages
     */
    public CapturingBackend(NetBackend backend, CaptureFile file, String interfaceName) {
        this(backend, file, interfaceName, wallClock());
    }

    CapturingBackend(NetBackend backend, CaptureFile file, String interfaceName, LongSupplier epochNanos) {
        this.backend = backend;
        this.file = file;
        this.faults = new FaultLog(interfaceName);
        this.epochNanos = epochNanos;
        this.buffer = new PcapngBuffer(interfaceName);
    }

    /** The time of day as it was at the start, and what has passed since: never goes back. */
    private static LongSupplier wallClock() {
        long start = System.currentTimeMillis() * NANOS_PER_MILLI - System.nanoTime();
        return () -> start + System.nanoTime();
    }

    @Override
    public int queuePairs() {
        return backend.queuePairs();
    }

    @Override
    public long offloads() {
        return backend.offloads();
    }

    @Override
    public boolean linkUp() {
        return backend.linkUp();
    }

    @Override
    public void attach(Listener listener) {
        backend.attach(listener);
    }

    @Override
    public void start(EventLoop newLoop) {
        if (timer == null) {
            loop = newLoop;
            timer = newLoop.newTimer(this::flush);
        }
        backend.start(newLoop);
    }

    @Override
    public void stop() {
        backend.stop();
        flush();
    }

    @Override
    public void setGuestOffloads(long offloads) {
        backend.setGuestOffloads(offloads);
    }

    @Override
    public void setActivePairs(int pairs) {
        backend.setActivePairs(pairs);
    }

    @Override
    public void setReceiving(int pair, boolean on) {
        backend.setReceiving(pair, on);
    }

    @Override
    public SendOutcome send(int pair, ScatterView packet) {
        SendOutcome outcome = backend.send(pair, packet);
        if (outcome == SendOutcome.TAKEN) {
            capture(packet, (int) packet.totalBytes(), PcapngBuffer.Direction.OUTBOUND);
        }
        return outcome;
    }

    @Override
    public int receive(int pair, ScatterView target) {
        int packetBytes = backend.receive(pair, target);
        if (packetBytes >= PacketHead.BYTES_MIN && packetBytes <= VirtioNetProtocol.PACKET_BYTES_MAX) {
            capture(target, packetBytes, PcapngBuffer.Direction.INBOUND);
        }
        return packetBytes;
    }

    private void capture(ScatterView packet, int packetBytes, PcapngBuffer.Direction direction) {
        if (failed) {
            return;
        }
        if (!buffer.hasRoom()) {
            flush();
        }
        buffer.add(packet, packetBytes, head, direction, epochNanos.getAsLong());
        captured.increment();
        if (!waiting && loop != null && timer != null) {
            waiting = true;
            timer.arm(loop.nanoTime() + FLUSH_NANOS);
        }
    }

    /** Writes what waits. Loop thread, or where the backend is not started. */
    public void flush() {
        waiting = false;
        if (timer != null) {
            timer.cancel();
        }
        if (failed || buffer.lengthBytes() == 0) {
            buffer.clear();
            return;
        }
        try {
            file.append(buffer.bytes(), buffer.lengthBytes());
        } catch (IOException e) {
            failed = true;
            failures.increment();
            faults.report("the capture ends: " + e.getMessage());
        }
        buffer.clear();
    }

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("captured_packets", captured.get());
        sink.counter("capture_failures", failures.get());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.console;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.console.ConsolePort;
import dev.isthmus.virtio.console.VirtioConsole;
import dev.isthmus.virtio.console.VirtioConsoleOptions;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A port for programs on a real loop, with a real backend; the test's thread is the guest, a small driver that polls. */
final class LiveConsole implements AutoCloseable {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long MULTIPORT = 2;
    private static final int QUEUES = 4;
    private static final int QUEUE_SIZE = 16;
    private static final int BUFFER_BYTES = 4096;
    private static final long BUFFERS_GPA = 0x10_0000;
    private static final long OUTPUT_GPA = 0x20_0000;
    private static final long MESSAGE_GPA = 0x30_0000;
    private static final int PORT_READY = 3;
    private static final int PORT_OPEN = 6;

    private final AtomicReference<@Nullable Throwable> bug = new AtomicReference<>();
    final IoThread loop = IoThread.start("console-test", bug::set);
    private final GuestMemory memory = FakeGuestMemory.ofBytes(4 << 20);
    private final SerialConsole backend;
    private final VirtioRig rig;
    private final QueueDriver[] queues = new QueueDriver[QUEUES];
    private final long[][] buffers = new long[QUEUES][QUEUE_SIZE];
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();

    /** Whether the guest knows of somebody at the host's end. */
    boolean hostOpen;

    LiveConsole(SerialConsole backend) {
        this.backend = backend;
        VirtioConsole device = new VirtioConsole(
                List.of(ConsolePort.named(backend, "test")), new VirtioConsoleOptions(), loop, "test");
        rig = new VirtioRig(VirtioRig.Carrier.MMIO, device, memory, loop);
        assertTrue(rig.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1 | MULTIPORT));
        for (int i = 0; i < QUEUES; i++) {
            queues[i] = new QueueDriver(memory, 0x1_0000 + i * 0x1_0000L, QUEUE_SIZE, false);
            rig.driver().setUpQueue(i, queues[i]);
        }
        rig.driver().driverOk();
        for (int i = 0; i < QUEUE_SIZE; i++) {
            offer(0, BUFFERS_GPA + (long) i * BUFFER_BYTES);
            offer(2, BUFFERS_GPA + (long) (QUEUE_SIZE + i) * BUFFER_BYTES);
        }
        notifyQueue(0);
        notifyQueue(2);
        control(0, 1);
        control(PORT_READY, 1);
        control(PORT_OPEN, 1);
    }

    private void offer(int queue, long gpa) {
        buffers[queue][queues[queue].offer(Buffer.writable(gpa, BUFFER_BYTES))] = gpa;
    }

    private void notifyQueue(int index) {
        loop.call(() -> rig.notifyQueue(index));
    }

    private void control(int event, int value) {
        memory.writeU32(MESSAGE_GPA, 0);
        memory.writeU16(MESSAGE_GPA + 4, event);
        memory.writeU16(MESSAGE_GPA + 6, value);
        queues[3].offer(Buffer.readable(MESSAGE_GPA, 8));
        notifyQueue(3);
        assertTrue(queues[3].pollUsed());
    }

    private void pump() {
        while (queues[2].pollUsed()) {
            long gpa = buffers[2][queues[2].usedId()];
            if (memory.readU16(gpa + 4) == PORT_OPEN) {
                hostOpen = memory.readU16(gpa + 6) == 1;
            }
            offer(2, gpa);
        }
        boolean any = false;
        while (queues[0].pollUsed()) {
            any = true;
            long gpa = buffers[0][queues[0].usedId()];
            byte[] bytes = new byte[(int) queues[0].usedLengthBytes()];
            memory.read(gpa, bytes, 0, bytes.length);
            received.writeBytes(bytes);
            offer(0, gpa);
        }
        if (any) {
            notifyQueue(0);
        }
    }

    /** Handles what the device does until something is so. */
    void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        pump();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "it does not come");
            Thread.onSpinWait();
            pump();
        }
    }

    byte[] receive(int length) {
        await(() -> received.size() >= length);
        byte[] all = received.toByteArray();
        received.reset();
        received.write(all, length, all.length - length);
        return Arrays.copyOf(all, length);
    }

    void send(byte[] bytes) {
        int done = 0;
        while (done < bytes.length) {
            int part = Math.min(100_000, bytes.length - done);
            memory.write(OUTPUT_GPA, bytes, done, part);
            queues[1].offer(Buffer.readable(OUTPUT_GPA, part));
            notifyQueue(1);
            await(() -> queues[1].pollUsed());
            done += part;
        }
    }

    /** Takes all down and sees that nothing broke. */
    @Override
    public void close() {
        rig.driver().reset();
        loop.call(backend::close);
        loop.close();
        assertNull(bug.get());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import java.util.Objects;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The persistent memory device over every transport and ring format, clause by clause of virtio 1.2, section 5.19. */
class VirtioPmemTest {
    private static final long FLUSH = VirtioPmemProtocol.VIRTIO_PMEM_REQ_TYPE_FLUSH;
    private static final long FAILED = 0xffff_ffffL;

    static Stream<Arguments> ways() {
        return Stream.of(VirtioRig.Carrier.values())
                .flatMap(carrier -> Stream.of(Arguments.of(carrier, false), Arguments.of(carrier, true)));
    }

    private static PmemTestRig running() {
        return new PmemTestRig(VirtioRig.Carrier.MMIO, false).bringUp();
    }

    @ParameterizedTest
    @MethodSource("ways")
    void configurationTellsWhereTheMemoryIs(VirtioRig.Carrier carrier, boolean packed) {
        PmemTestRig rig = new PmemTestRig(carrier, packed);

        // 5.19.1 to 5.19.5: without VIRTIO_PMEM_F_SHMEM_REGION by the configuration.
        assertEquals(27, rig.device.deviceId());
        assertEquals(1, rig.device.queueCount());
        assertEquals(0, rig.device.offeredFeatures());
        assertEquals(0, rig.driver.readConfig(0, 4));
        assertEquals(1, rig.driver.readConfig(4, 4));
        assertEquals(PmemTestRig.SIZE_BYTES, rig.driver.readConfig(8, 4));
        assertEquals(0, rig.driver.readConfig(12, 4));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void flushIsAnsweredOnceItIsDone(VirtioRig.Carrier carrier, boolean packed) {
        PmemTestRig rig = new PmemTestRig(carrier, packed).bringUp();
        rig.transport.takeInterrupts();

        int id = rig.request(0, FLUSH);

        // "before completing the flush request" (5.19.7.1.1).
        assertFalse(rig.queue.pollUsed());
        assertEquals(0, rig.transport.takeInterrupts());
        rig.runTask();
        rig.assertUsed(id);
        assertEquals(0, rig.answer(0));
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(1, rig.flushes);
    }

    @Test
    void failedFlushIsAnsweredWithMinusOne() {
        PmemTestRig rig = running();
        rig.durable = false;

        int id = rig.request(0, FLUSH);
        rig.runTask();

        // 5.19.7.2.1.
        rig.assertUsed(id);
        assertEquals(FAILED, rig.answer(0));
        assertEquals(1, rig.counter("failed"));
    }

    @Test
    void flushThatTheHostHasNoThreadForIsAnsweredWithMinusOne() {
        PmemTestRig rig = running();

        int id = rig.request(0, FLUSH);
        rig.tasks.remove().refuse();
        rig.loop.runReady();

        rig.assertUsed(id);
        assertEquals(FAILED, rig.answer(0));
    }

    @Test
    void backendThatThrowsFailsTheFlush() {
        PmemTestRig rig = new PmemTestRig(VirtioRig.Carrier.MMIO, false);
        VirtioPmem device = new VirtioPmem(
                () -> {
                    throw new IllegalStateException("test");
                },
                PmemTask::run,
                new VirtioPmemOptions(0, 2 << 20),
                "test");
        VirtioRig transport = new VirtioRig(VirtioRig.Carrier.MMIO, device, rig.memory, rig.loop);
        assertTrue(transport.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        transport.driver().setUpQueue(0, rig.queue);
        transport.driver().driverOk();

        rig.queue.offer(Buffer.readable(0x8000, 4), Buffer.writable(0x9000, 4));
        transport.notifyQueue(0);
        rig.loop.runReady();

        assertEquals(FAILED, rig.memory.readU32(0x9000));
    }

    @Test
    void requestsThatComeDuringAFlushShareTheNext() {
        PmemTestRig rig = running();
        int first = rig.request(0, FLUSH);
        int second = rig.request(1, FLUSH);
        int third = rig.request(2, FLUSH);
        assertEquals(1, rig.tasks.size());

        // Of what the second and the third are for, some may have been written after the first flush began.
        rig.runTask();
        rig.assertUsed(first);
        assertFalse(rig.queue.pollUsed());
        assertEquals(1, rig.tasks.size());
        rig.runTask();

        rig.assertUsed(second);
        rig.assertUsed(third);
        assertTrue(rig.tasks.isEmpty());
        assertEquals(3, rig.counter("requests"));
        assertEquals(2, rig.counter("flushes"));
    }

    @Test
    void queueFullOfRequestsIsServed() {
        PmemTestRig rig = running();
        int count = PmemTestRig.QUEUE_SIZE / 2;
        for (int i = 0; i < count; i++) {
            rig.request(i, FLUSH);
        }
        rig.runTask();
        rig.runTask();

        for (int i = 0; i < count; i++) {
            assertTrue(rig.queue.pollUsed());
            assertEquals(0, rig.answer(i));
        }
    }

    @Test
    void unknownTypeIsAnsweredWithMinusOneAtOnce() {
        PmemTestRig rig = running();
        rig.transport.takeInterrupts();

        int id = rig.request(0, 1);

        rig.assertUsed(id);
        assertEquals(FAILED, rig.answer(0));
        assertEquals(1, rig.transport.takeInterrupts());
        assertTrue(rig.tasks.isEmpty());
        assertEquals(1, rig.counter("refused"));
    }

    @Test
    void requestInPiecesIsReadAsOne() {
        PmemTestRig rig = running();

        // 2.7.4.1: the device must not depend on how a buffer is split.
        rig.queue.offer(
                Buffer.readable(0x8000, 1),
                Buffer.readable(0x8001, 3),
                Buffer.writable(0x9000, 3),
                Buffer.writable(0x9100, 9));
        rig.memory.writeU32(0x9100, PmemTestRig.UNTOUCHED);
        rig.notifyQueue();
        rig.runTask();

        assertTrue(rig.queue.pollUsed());
        assertEquals(0xee_eeee00L, rig.memory.readU32(0x9100));
    }

    @Test
    void requestWithoutATypeIsAnsweredWithMinusOne() {
        PmemTestRig rig = running();

        rig.queue.offer(Buffer.readable(0x8000, 3), Buffer.writable(0x9000, 4));
        rig.notifyQueue();

        assertTrue(rig.queue.pollUsed());
        assertEquals(FAILED, rig.memory.readU32(0x9000));
    }

    @Test
    void requestWithoutRoomForItsAnswerNeedsAReset() {
        PmemTestRig rig = running();

        rig.queue.offer(Buffer.readable(0x8000, 4), Buffer.writable(0x9000, 3));
        rig.notifyQueue();

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        rig.driver.reset();
        rig.bringUp();
        int id = rig.request(0, FLUSH);
        rig.runTask();
        rig.assertUsed(id);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void malformedQueueNeedsAReset(VirtioRig.Carrier carrier, boolean packed) {
        PmemTestRig rig = new PmemTestRig(carrier, packed).bringUp();
        rig.queue.addMalformed();
        rig.queue.publish();
        rig.notifyQueue();

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        rig.notifyQueue();
        assertTrue(rig.tasks.isEmpty());
    }

    // Endings.

    @ParameterizedTest
    @MethodSource("ways")
    void resetWaitsForTheFlushesOfRequestsInFlight(VirtioRig.Carrier carrier, boolean packed)
            throws InterruptedException {
        PmemTestRig rig = new PmemTestRig(carrier, packed).bringUp();
        rig.request(0, FLUSH);
        rig.request(1, FLUSH);
        rig.transport.takeInterrupts();

        whileWaiting(rig, rig.driver::reset);

        assertEquals(2, rig.flushes);
        assertEquals(0, rig.transport.takeInterrupts());
        rig.bringUp();
        int id = rig.request(0, FLUSH);
        rig.runTask();
        rig.assertUsed(id);
    }

    /** Has a vCPU wait for a reset, and carries out flushes while it does. */
    private static void whileWaiting(PmemTestRig rig, Runnable reset) throws InterruptedException {
        Thread vcpu = new Thread(reset);
        vcpu.start();
        while (vcpu.isAlive() && vcpu.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        while (vcpu.isAlive()) {
            rig.loop.runReady();
            PmemTask task = rig.tasks.poll();
            if (task != null) {
                task.run();
            }
            Thread.onSpinWait();
        }
        vcpu.join();
    }

    @Test
    void resetWithNothingInFlightEndsAtOnce() {
        PmemTestRig rig = running();

        rig.driver.reset();

        assertEquals(0, rig.driver.status());
    }

    @Test
    void queueThatWasResetWorksAgain() throws InterruptedException {
        PmemTestRig rig = new PmemTestRig(VirtioRig.Carrier.PCI_MSIX, false).bringUp();
        rig.request(0, FLUSH);

        // 2.6.1.
        whileWaiting(rig, () -> rig.driver.resetQueue(0));
        rig.queue = rig.newQueue(0x4000);
        rig.driver.setUpQueue(0, rig.queue);
        int id = rig.request(1, FLUSH);
        Objects.requireNonNull(rig.tasks.peek(), "no flush");
        rig.runTask();

        rig.assertUsed(id);
    }

    @Test
    void optionsAreChecked() {
        long aligned = VirtioPmemOptions.ALIGNMENT_BYTES;
        assertEquals(VirtioPmemOptions.DEFAULT_QUEUE_SIZE, new VirtioPmemOptions(0, aligned).queueSizeMax());
        long[][] refused = {{-aligned, aligned}, {4096, aligned}, {0, 0}, {0, -aligned}, {0, 4096}, {
            Long.MAX_VALUE - aligned + 1, aligned * 2
        }};
        for (long[] range : refused) {
            assertThrows(IllegalArgumentException.class, () -> new VirtioPmemOptions(range[0], range[1]));
        }
        for (int size : new int[] {0, 1, 3, 65536}) {
            assertThrows(
                    IllegalArgumentException.class, () -> new VirtioPmemOptions(0, aligned, size, false));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.block.ManualBlockExecutor;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Suppression of notifications in both directions, counted over many requests at several batch sizes, for split queues
 * with and without VIRTIO_F_EVENT_IDX (virtio 1.2, sections 2.7.7 and 2.7.10) and for packed ones (2.8.10).
 */
@ParameterizedClass
@CsvSource({"false, false", "false, true", "true, false", "true, true"})
class NotificationCountTest {
    private static final int BATCHES = 500;
    private static final long TABLES_GPA = 0x9000;
    private static final int TABLE_BYTES = 32;

    private final ManualBlockExecutor executor = new ManualBlockExecutor();
    private final boolean eventIdx;
    private final BlkTestRig rig;
    private int kicks;
    private int interrupts;

    NotificationCountTest(boolean packed, boolean eventIdx) {
        this.eventIdx = eventIdx;
        this.rig = new BlkTestRig(
                VirtioRig.Carrier.MMIO,
                new MemoryBlockBackend(1 << 16, false),
                executor,
                new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE).withPacked(packed));
        rig.bringUp(VirtioFeatures.VIRTIO_F_INDIRECT_DESC
                | VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH
                | (eventIdx ? VirtioFeatures.VIRTIO_F_EVENT_IDX : 0));
        rig.writeHeader(BlkTestRig.HEADER_GPA, VirtioBlkProtocol.VIRTIO_BLK_T_FLUSH, 0);
        rig.transport.takeInterrupts();
    }

    private void add(int count) {
        for (int i = 0; i < count; i++) {
            // All tables say the same, so that one that is in use may be written again.
            rig.queue.addIndirect(
                    TABLES_GPA + (long) TABLE_BYTES * i,
                    Buffer.readable(BlkTestRig.HEADER_GPA, VirtioBlkProtocol.HEADER_BYTES),
                    Buffer.writable(BlkTestRig.STATUS_GPA, 1));
        }
    }

    /** Shows what was added and notifies the device if it wants that; the device's turn follows either way. */
    private void publish() {
        rig.queue.publish();
        if (rig.queue.needsKick()) {
            kicks++;
            rig.driver.notifyQueue(0);
        }
        rig.loop.runReady();
    }

    private void complete(int count) {
        for (int i = 0; i < count; i++) {
            executor.runOldest();
        }
        rig.loop.runReady();
        interrupts += rig.transport.takeInterrupts();
    }

    private int takeUsed() {
        int taken = 0;
        while (rig.queue.pollUsed()) {
            taken++;
        }
        return taken;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 15})
    void batchCostsOneKickAndOneInterruptWhereBothSidesSleepInBetween(int batch) {
        for (int i = 0; i < BATCHES; i++) {
            assertFalse(rig.queue.enableInterrupts());
            add(batch);
            publish();
            complete(batch);
            assertEquals(batch, takeUsed());
        }

        assertEquals(BATCHES, kicks);
        assertEquals(BATCHES, interrupts);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 15})
    void driverThatPollsIsNeverInterrupted(int batch) {
        rig.queue.disableInterrupts();
        if (eventIdx) {
            // A split queue with event indices has no flag: one that has passed asks for nothing.
            add(1);
            publish();
            complete(1);
            assertEquals(1, takeUsed());
            interrupts = 0;
        }
        for (int i = 0; i < BATCHES; i++) {
            add(batch);
            publish();
            complete(batch);
            assertEquals(batch, takeUsed());
        }

        assertEquals(0, interrupts);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7})
    void driverThatAsksOncePerRoundIsInterruptedOncePerRoundHoweverManyCompletions(int round) {
        for (int i = 0; i < BATCHES; i++) {
            assertFalse(rig.queue.enableInterrupts());
            rig.queue.disableInterrupts();
            add(2 * round);
            publish();
            // The driver was not asleep for the first half, and is for the second.
            complete(round);
            assertEquals(round, takeUsed());
            interrupts = 0;
            assertFalse(rig.queue.enableInterrupts());
            complete(round);
            assertEquals(1, interrupts);
            assertEquals(round, takeUsed());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 8})
    void requestsThatComeWhileTheDeviceIsAtWorkCostNoKick(int perRound) {
        add(perRound);
        rig.queue.publish();
        assertTrue(rig.queue.needsKick());
        // The device was told, but its turn has not come: the loop is busy with something else.
        rig.driver.notifyQueue(0);
        int suppressed = 0;
        for (int i = 0; i < 3 && rig.queue.freeDescriptors() >= perRound && eventIdx; i++) {
            add(perRound);
            rig.queue.publish();
            assertFalse(rig.queue.needsKick());
            suppressed += perRound;
        }
        rig.loop.runReady();

        assertEquals(perRound + suppressed, executor.pending());
    }
}

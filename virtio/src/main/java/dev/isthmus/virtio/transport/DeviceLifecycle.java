// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.queue.LayoutOutcome;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.QueueLayout;
import dev.isthmus.virtio.queue.RingPosition;
import dev.isthmus.virtio.queue.SplitQueue;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The life of a device under a driver, the same for every transport: status, feature negotiation, queue setup,
 * activation, queue reset, device reset (virtio 1.2, chapters 2 and 3).
 *
 * <p>Threads: vCPU threads call the register methods, several at once. What changes {@link #active} runs on the loop
 * only, and so one after another; the vCPU that asked for it waits in {@link EventLoop#call}. What drivers write is kept
 * in {@link TransportState}, whose lock is not held across any call from here.
 */
final class DeviceLifecycle {
    /** What every device of ours can do, whatever its type. */
    private static final long TRANSPORT_FEATURES = VirtioFeatures.VIRTIO_F_VERSION_1
            | VirtioFeatures.VIRTIO_F_EVENT_IDX
            | VirtioFeatures.VIRTIO_F_INDIRECT_DESC
            | VirtioFeatures.VIRTIO_F_RING_RESET;

    private static final VarHandle PENDING_NOTIFICATIONS;

    static {
        try {
            PENDING_NOTIFICATIONS =
                    MethodHandles.lookup().findVarHandle(DeviceLifecycle.class, "pendingNotifications", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final VirtioDevice device;
    private final GuestMemory memory;
    private final EventLoop loop;
    private final TransportInterrupts interrupts;
    private final FaultLog faults;
    private final long offeredFeatures;

    private final TransportState state;

    /** The driver's device, or null before DRIVER_OK and after reset. Loop thread only. */
    private @Nullable ActiveDevice active;

    /** The queues that {@link #active} was given. Loop thread only. */
    private final boolean[] started;

    /** Whether the device may access memory: over PCI, the driver says so. Loop thread only. */
    private boolean memoryAllowed;

    /** Queues whose notification came through a register: bit n for queue n. */
    private volatile long pendingNotifications;

    private final BottomHalf notificationsHalf;
    private final DriverSignals signals = new Signals();
    private final Runnable resetTask = new ResetTask();

    DeviceLifecycle(
            VirtioDevice device,
            GuestMemory memory,
            EventLoop loop,
            TransportInterrupts interrupts,
            FaultLog faults,
            boolean memoryAllowed) {
        if (device.queueCount() < 1 || device.queueCount() > VirtioDevice.QUEUE_COUNT_LIMIT) {
            throw new IllegalArgumentException("Number of queues");
        }
        this.device = device;
        this.memory = memory;
        this.loop = loop;
        this.interrupts = interrupts;
        this.faults = faults;
        this.memoryAllowed = memoryAllowed;
        this.offeredFeatures = device.offeredFeatures() | TRANSPORT_FEATURES;
        this.state = new TransportState(device, offeredFeatures);
        this.started = new boolean[device.queueCount()];
        this.notificationsHalf = loop.newBottomHalf(new NotificationsTask());
    }

    /** Returns what the driver has written, for the registers that only store or report. */
    TransportState state() {
        return state;
    }

    // Status.

    /** Handles a driver's write to the status field. vCPU threads; waits for the loop at reset and DRIVER_OK. */
    void writeStatus(int written) {
        if (written == 0) {
            reset();
            return;
        }
        if ((written & ~state.status() & DeviceStatus.DRIVER_OK) != 0) {
            loop.call(new StatusTask(written));
        } else {
            applyStatus(written);
        }
    }

    /** Resets the device, in any state; has finished on return. Any thread. */
    void reset() {
        loop.call(resetTask);
    }

    /**
     * Applies a write to the status field, all but DRIVER_OK.
     *
     * @return whether DRIVER_OK is to be set now, for which the caller activates the device
     */
    private boolean applyStatus(int written) {
        long features = state.driverFeatures();
        int granted = state.grantStatus(written, features, acceptsFeatures(features));
        if ((written & ~state.status() & DeviceStatus.FEATURES_OK) != 0) {
            faults.report("FEATURES_OK refused for features 0x" + Long.toHexString(features));
        }
        return (granted & DeviceStatus.DRIVER_OK) != 0;
    }

    /** Section 2.2: only what was offered; and VERSION_1, as there is no legacy interface. */
    private boolean acceptsFeatures(long features) {
        return (features & ~offeredFeatures) == 0
                && (features & VirtioFeatures.VIRTIO_F_VERSION_1) != 0
                && device.acceptsFeatures(features);
    }

    /**
     * Allows or forbids the device to access memory; has effect on return. A device that loses the right while it is
     * live, or is set live without it, needs a reset. Any thread; waits for the loop and for requests in flight.
     */
    void allowMemory(boolean allowed) {
        MemoryTask task = new MemoryTask(allowed);
        loop.call(task);
        if (task.broke) {
            for (int i = 0; i < started.length; i++) {
                loop.call(new StopQueueTask(i, false));
            }
        }
    }

    // Queues.

    /** Enables or disables the selected queue. vCPU threads; waits for the loop where the device is live. */
    void writeQueueReady(boolean ready) {
        int index = state.writeQueueReady(ready);
        if (index != TransportState.NO_QUEUE) {
            loop.call(ready ? new StartQueueTask(index) : new StopQueueTask(index, false));
        }
    }

    /** Resets the selected queue (2.6.1); has finished on return. vCPU threads; waits for the loop. */
    void resetQueue() {
        int index = state.beginQueueReset();
        if (index != TransportState.NO_QUEUE) {
            loop.call(new StopQueueTask(index, true));
        }
    }

    // Notifications.

    /** Handles a notification that came through a register: passes it to the loop. vCPU threads; never waits. */
    void notifyFromRegister(long index) {
        if (index < 0 || index >= started.length) {
            return;
        }
        // Full barrier, then schedule: pairs with getAndSet in NotificationsTask, so no bit is lost or left behind.
        PENDING_NOTIFICATIONS.getAndBitwiseOr(this, 1L << index);
        notificationsHalf.schedule();
    }

    /** Handles an available buffer notification. Loop thread. One that comes before DRIVER_OK is ignored (3.1.1). */
    void notifyQueue(int index) {
        assert loop.inLoop();
        ActiveDevice current = active;
        if (current != null && index >= 0 && index < started.length && started[index] && live()) {
            current.queueNotified(index);
        }
    }

    private boolean live() {
        return DeviceStatus.isLive(state.status());
    }

    // On the loop.

    private void activate() {
        assert loop.inLoop();
        if (!memoryAllowed) {
            state.addStatus(DeviceStatus.DRIVER_OK);
            needsReset("DRIVER_OK without the right to access memory");
            return;
        }
        long features = state.driverFeatures();
        QueueRegisters[] registers = new QueueRegisters[started.length];
        for (int i = 0; i < registers.length; i++) {
            registers[i] = state.copyOfQueue(i);
        }
        @Nullable Virtqueue[] queues = new Virtqueue[registers.length];
        for (int i = 0; i < registers.length; i++) {
            if (registers[i].ready) {
                LayoutOutcome layout = check(registers[i]);
                if (!(layout instanceof QueueLayout valid)) {
                    state.addStatus(DeviceStatus.DRIVER_OK);
                    signals.needsReset(i, describe(layout));
                    return;
                }
                queues[i] = open(valid, registers[i].sizeMax, features);
            }
        }
        ActiveDevice activated = device.activate(new Activation(memory, loop, features, signals));
        active = activated;
        for (int i = 0; i < queues.length; i++) {
            Virtqueue queue = queues[i];
            if (queue != null) {
                activated.startQueue(i, queue);
                started[i] = true;
            }
        }
        // Only now: before DRIVER_OK no buffer may be consumed (2.1.2).
        state.addStatus(DeviceStatus.DRIVER_OK);
        for (int i = 0; i < queues.length; i++) {
            // Drivers may fill queues before DRIVER_OK, and some notify then, which was ignored.
            notifyQueue(i);
        }
    }

    private LayoutOutcome check(QueueRegisters registers) {
        return QueueLayout.check(
                memory,
                registers.size,
                registers.sizeMax,
                registers.descriptorGpa,
                registers.driverGpa,
                registers.deviceGpa);
    }

    private static String describe(LayoutOutcome outcome) {
        return outcome instanceof Malformed malformed ? malformed.reason().description() : "";
    }

    private Virtqueue open(QueueLayout layout, int sizeMax, long features) {
        return new SplitQueue(
                memory,
                layout,
                sizeMax,
                (features & VirtioFeatures.VIRTIO_F_EVENT_IDX) != 0,
                (features & VirtioFeatures.VIRTIO_F_INDIRECT_DESC) != 0,
                RingPosition.START);
    }

    private void startQueue(int index) {
        assert loop.inLoop();
        QueueRegisters registers = state.copyOfQueue(index);
        ActiveDevice current = active;
        if (current == null || started[index] || !live()) {
            return;
        }
        LayoutOutcome layout = check(registers);
        if (!(layout instanceof QueueLayout valid)) {
            signals.needsReset(index, describe(layout));
            return;
        }
        current.startQueue(index, open(valid, registers.sizeMax, state.driverFeatures()));
        started[index] = true;
        state.setQueueReady(index, true);
        notifyQueue(index);
    }

    private void stopQueue(int index, boolean reset) {
        assert loop.inLoop();
        ActiveDevice current = active;
        if (current != null && started[index]) {
            current.stopQueue(index);
            started[index] = false;
        }
        if (reset) {
            state.resetQueue(index);
        } else {
            state.setQueueReady(index, false);
        }
    }

    private void needsReset(String reason) {
        assert loop.inLoop();
        faults.report("needs a reset: " + reason);
        if ((state.addStatus(DeviceStatus.DEVICE_NEEDS_RESET) & DeviceStatus.DRIVER_OK) != 0) {
            // 2.1.2: once DRIVER_OK is set, the driver must be told.
            interrupts.configChanged();
        }
    }

    /** Section 2.4.1: when status reads 0, nothing touches the queues or notifies the driver any more. */
    private final class ResetTask implements Runnable {
        @Override
        public void run() {
            ActiveDevice current = active;
            active = null;
            for (int i = 0; i < started.length; i++) {
                started[i] = false;
            }
            if (current != null) {
                current.close();
            }
            pendingNotifications = 0;
            interrupts.clear();
            state.reset();
        }
    }

    private final class MemoryTask implements Runnable {
        private final boolean allowed;

        /** Whether a live device lost the right. Set on the loop, read by the caller after that. */
        boolean broke;

        MemoryTask(boolean allowed) {
            this.allowed = allowed;
        }

        @Override
        public void run() {
            memoryAllowed = allowed;
            if (!allowed && active != null) {
                broke = true;
                needsReset("lost the right to access memory");
            }
        }
    }

    private final class StatusTask implements Runnable {
        private final int written;

        StatusTask(int written) {
            this.written = written;
        }

        @Override
        public void run() {
            if (applyStatus(written)) {
                activate();
            }
        }
    }

    private final class StartQueueTask implements Runnable {
        private final int index;

        StartQueueTask(int index) {
            this.index = index;
        }

        @Override
        public void run() {
            startQueue(index);
        }
    }

    private final class StopQueueTask implements Runnable {
        private final int index;
        private final boolean reset;

        StopQueueTask(int index, boolean reset) {
            this.index = index;
            this.reset = reset;
        }

        @Override
        public void run() {
            stopQueue(index, reset);
        }
    }

    private final class NotificationsTask implements Runnable {
        @Override
        public void run() {
            long bits = (long) PENDING_NOTIFICATIONS.getAndSet(DeviceLifecycle.this, 0L);
            while (bits != 0) {
                notifyQueue(Long.numberOfTrailingZeros(bits));
                bits &= bits - 1;
            }
        }
    }

    private final class Signals implements DriverSignals {
        @Override
        public void usedBuffers(int queueIndex) {
            interrupts.usedBuffers(queueIndex);
        }

        @Override
        public void configChanged() {
            interrupts.configChanged();
        }

        @Override
        public void needsReset(int queueIndex, String reason) {
            DeviceLifecycle.this.needsReset("queue " + queueIndex + ": " + reason);
        }
    }
}

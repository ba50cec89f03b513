// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.GuestFaultLog;
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
 * only, and so one after another; the vCPU that asked for it waits in {@link EventLoop#call}. {@link #lock} guards
 * {@link #state} and is never held across a call to device, loop, interrupts or log.
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
    private final GuestFaultLog faults;
    private final long offeredFeatures;

    private final Object lock = new Object();

    /** Guarded by {@link #lock}. */
    private final TransportState state;

    /** The driver's device, or null before DRIVER_OK and after reset. Loop thread only. */
    private @Nullable ActiveDevice active;

    /** The queues that {@link #active} was given. Loop thread only. */
    private final boolean[] started;

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
            GuestFaultLog faults) {
        if (device.queueCount() < 1 || device.queueCount() > VirtioDevice.QUEUE_COUNT_LIMIT) {
            throw new IllegalArgumentException("Number of queues");
        }
        this.device = device;
        this.memory = memory;
        this.loop = loop;
        this.interrupts = interrupts;
        this.faults = faults;
        this.offeredFeatures = device.offeredFeatures() | TRANSPORT_FEATURES;
        this.state = new TransportState(device);
        this.started = new boolean[device.queueCount()];
        this.notificationsHalf = loop.newBottomHalf(new NotificationsTask());
    }

    // Status.

    int status() {
        synchronized (lock) {
            return state.status;
        }
    }

    /** Handles a driver's write to the status field. vCPU threads; waits for the loop at reset and DRIVER_OK. */
    void writeStatus(int written) {
        if (written == 0) {
            reset();
            return;
        }
        boolean mayActivate;
        synchronized (lock) {
            mayActivate = (written & DeviceStatus.DRIVER_OK) != 0 && (state.status & DeviceStatus.DRIVER_OK) == 0;
        }
        if (mayActivate) {
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
        long features;
        boolean acceptable;
        synchronized (lock) {
            features = state.driverFeatures;
            acceptable = !state.driverFeaturesBeyond;
        }
        acceptable = acceptable && acceptsFeatures(features);
        int before;
        int after;
        synchronized (lock) {
            // Where another CPU has changed the features meanwhile, no set of features was ever chosen.
            acceptable = acceptable && features == state.driverFeatures && !state.driverFeaturesBeyond;
            before = state.status;
            after = DeviceStatus.afterWrite(before, written, acceptable);
            state.status = after & ~(DeviceStatus.DRIVER_OK & ~before);
        }
        if ((written & ~before & DeviceStatus.FEATURES_OK) != 0 && (after & DeviceStatus.FEATURES_OK) == 0) {
            faults.report("FEATURES_OK refused for features 0x" + Long.toHexString(features));
        }
        return (after & ~before & DeviceStatus.DRIVER_OK) != 0;
    }

    /** Section 2.2: only what was offered; and VERSION_1, as there is no legacy interface. */
    private boolean acceptsFeatures(long features) {
        return (features & ~offeredFeatures) == 0
                && (features & VirtioFeatures.VIRTIO_F_VERSION_1) != 0
                && device.acceptsFeatures(features);
    }

    // Features.

    void selectDeviceFeatures(int word) {
        synchronized (lock) {
            state.deviceFeaturesSel = word;
        }
    }

    /** Returns the 32 offered bits that are selected, zero-extended. */
    long deviceFeatures() {
        synchronized (lock) {
            return switch (state.deviceFeaturesSel) {
                case 0 -> offeredFeatures & 0xffff_ffffL;
                case 1 -> offeredFeatures >>> 32;
                default -> 0;
            };
        }
    }

    void selectDriverFeatures(int word) {
        synchronized (lock) {
            state.driverFeaturesSel = word;
        }
    }

    /** Sets the 32 selected bits of the driver's choice; ignored once FEATURES_OK is set (3.1.1). */
    void writeDriverFeatures(long bits) {
        synchronized (lock) {
            if ((state.status & DeviceStatus.FEATURES_OK) != 0) {
                return;
            }
            switch (state.driverFeaturesSel) {
                case 0 -> state.driverFeatures = (state.driverFeatures & ~0xffff_ffffL) | bits;
                case 1 -> state.driverFeatures = (state.driverFeatures & 0xffff_ffffL) | (bits << 32);
                default -> state.driverFeaturesBeyond |= bits != 0;
            }
        }
    }

    // Queue registers.

    void selectQueue(int index) {
        synchronized (lock) {
            state.queueSel = index;
        }
    }

    /** Returns the maximum size of the selected queue, 0 where there is none. */
    int queueSizeMax() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? 0 : queue.sizeMax;
        }
    }

    void writeQueueSize(long size) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.size = size;
            }
        }
    }

    /** Sets half of the Descriptor Area's address. */
    void writeDescriptorArea(boolean high, long half) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.descriptorGpa = withHalf(queue.descriptorGpa, high, half);
            }
        }
    }

    /** Sets half of the Driver Area's address. */
    void writeDriverArea(boolean high, long half) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.driverGpa = withHalf(queue.driverGpa, high, half);
            }
        }
    }

    /** Sets half of the Device Area's address. */
    void writeDeviceArea(boolean high, long half) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.deviceGpa = withHalf(queue.deviceGpa, high, half);
            }
        }
    }

    private static long withHalf(long gpa, boolean high, long half) {
        return high ? (gpa & 0xffff_ffffL) | (half << 32) : (gpa & ~0xffff_ffffL) | half;
    }

    boolean queueReady() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue != null && queue.ready;
        }
    }

    /** Tells whether the reset of the selected queue is going on. */
    boolean queueResetting() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue != null && queue.resetting;
        }
    }

    /** Enables or disables the selected queue. vCPU threads; waits for the loop where the device is live. */
    void writeQueueReady(boolean ready) {
        int index;
        synchronized (lock) {
            QueueRegisters queue = selected();
            if (queue == null || queue.ready == ready) {
                return;
            }
            if (ready && configurable() == null) {
                return;
            }
            if ((state.status & DeviceStatus.DRIVER_OK) == 0) {
                // Checked, and taken up, at DRIVER_OK.
                queue.ready = ready;
                return;
            }
            index = state.queueSel;
        }
        loop.call(ready ? new StartQueueTask(index) : new StopQueueTask(index, false));
    }

    /** Resets the selected queue (2.6.1); has finished on return. vCPU threads; waits for the loop. */
    void resetQueue() {
        int index;
        synchronized (lock) {
            QueueRegisters queue = selected();
            if (queue == null || !negotiatedRingReset()) {
                return;
            }
            queue.resetting = true;
            index = state.queueSel;
        }
        loop.call(new StopQueueTask(index, true));
    }

    private @Nullable QueueRegisters selected() {
        int index = state.queueSel;
        return index >= 0 && index < state.queues.length ? state.queues[index] : null;
    }

    /**
     * Returns the selected queue if its registers may be written: after FEATURES_OK (3.1.1), while not ready (4.2.2.2),
     * and on a live device only where queues can be reset.
     */
    private @Nullable QueueRegisters configurable() {
        QueueRegisters queue = selected();
        if (queue == null || queue.ready || (state.status & DeviceStatus.FEATURES_OK) == 0) {
            return null;
        }
        return (state.status & DeviceStatus.DRIVER_OK) == 0 || negotiatedRingReset() ? queue : null;
    }

    private boolean negotiatedRingReset() {
        return (state.status & DeviceStatus.FEATURES_OK) != 0
                && (state.driverFeatures & VirtioFeatures.VIRTIO_F_RING_RESET) != 0;
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
        return DeviceStatus.isLive(status());
    }

    // On the loop.

    private void activate() {
        assert loop.inLoop();
        long features;
        QueueRegisters[] registers = new QueueRegisters[started.length];
        synchronized (lock) {
            features = state.driverFeatures;
            for (int i = 0; i < registers.length; i++) {
                registers[i] = new QueueRegisters(state.queues[i]);
            }
        }
        @Nullable Virtqueue[] queues = new Virtqueue[registers.length];
        for (int i = 0; i < registers.length; i++) {
            if (registers[i].ready) {
                LayoutOutcome layout = check(registers[i]);
                if (!(layout instanceof QueueLayout valid)) {
                    addStatus(DeviceStatus.DRIVER_OK);
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
        addStatus(DeviceStatus.DRIVER_OK);
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
        QueueRegisters registers;
        long features;
        synchronized (lock) {
            registers = new QueueRegisters(state.queues[index]);
            features = state.driverFeatures;
        }
        ActiveDevice current = active;
        if (current == null || started[index] || !live()) {
            return;
        }
        LayoutOutcome layout = check(registers);
        if (!(layout instanceof QueueLayout valid)) {
            signals.needsReset(index, describe(layout));
            return;
        }
        current.startQueue(index, open(valid, registers.sizeMax, features));
        started[index] = true;
        synchronized (lock) {
            state.queues[index].ready = true;
        }
        notifyQueue(index);
    }

    private void stopQueue(int index, boolean reset) {
        assert loop.inLoop();
        ActiveDevice current = active;
        if (current != null && started[index]) {
            current.stopQueue(index);
            started[index] = false;
        }
        synchronized (lock) {
            if (reset) {
                state.queues[index].reset();
            } else {
                state.queues[index].ready = false;
            }
        }
    }

    private void addStatus(int bits) {
        synchronized (lock) {
            state.status |= bits;
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
            synchronized (lock) {
                state.reset();
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
            assert loop.inLoop();
            faults.report("queue " + queueIndex + " needs a reset: " + reason);
            boolean tell;
            synchronized (lock) {
                state.status |= DeviceStatus.DEVICE_NEEDS_RESET;
                tell = (state.status & DeviceStatus.DRIVER_OK) != 0;
            }
            if (tell) {
                // 2.1.2: once DRIVER_OK is set, the driver must be told.
                interrupts.configChanged();
            }
        }
    }
}

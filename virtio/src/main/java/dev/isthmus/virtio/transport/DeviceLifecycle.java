// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.LoopTask;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.queue.LayoutOutcome;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.RingLayout;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The life of a device under a driver, the same for every transport: status, feature negotiation, queue setup,
 * activation, queue reset, device reset (virtio 1.2, chapters 2 and 3).
 *
 * <p>Threads: vCPU threads call the register methods, several at once. What changes {@link #active} runs on the loop
 * only, and so one after another; the vCPU that asked for it waits. What drivers write is kept in {@link
 * TransportState}, whose lock is not held across any call from here.
 *
 * <p>Resets and stops of queues last until the host has done with the buffers in flight, which the guest may use for
 * something else as soon as it knows the reset to be over. By 2.4.2 a driver should read the status until it is 0. Linux
 * does so over PCI; over MMIO it takes the reset to be over once its write is done. So the write takes until then, the
 * status does not read 0 before (nor QueueReady and QueueReset, for queues), and it is only that one vCPU that waits:
 * neither the loop, whatever the host's storage does, nor other vCPUs.
 */
final class DeviceLifecycle {
    /** What every device of ours can do, whatever its type. */
    private static final long TRANSPORT_FEATURES = VirtioFeatures.VIRTIO_F_VERSION_1
            | VirtioFeatures.VIRTIO_F_EVENT_IDX
            | VirtioFeatures.VIRTIO_F_INDIRECT_DESC
            | VirtioFeatures.VIRTIO_F_RING_RESET;

    /** What is between a device and memory. Addresses are the guest's physical ones either way: there is no IOMMU. */
    enum Platform {
        /** Nothing: the device has the access to memory that the driver has. */
        TRANSPARENT(0),

        /**
         * A bus on which access is granted, by {@link #allowMemory}. That is what VIRTIO_F_ACCESS_PLATFORM is to be
         * offered for (6.1); drivers may leave it, and lose nothing.
         */
        GRANTED(VirtioFeatures.VIRTIO_F_ACCESS_PLATFORM);

        private final long features;

        Platform(long features) {
            this.features = features;
        }
    }

    private final VirtioDevice device;
    private final GuestMemory memory;
    private final EventLoop loop;
    private final TransportInterrupts interrupts;
    private final FaultLog faults;
    private final long offeredFeatures;

    private final TransportState state;

    /** The driver's device, or null before DRIVER_OK and after a reset began. Loop thread only. */
    private @Nullable ActiveDevice active;

    /** The queues that {@link #active} runs. Loop thread only. */
    private final boolean[] started;

    /** Whether the device may access memory: over PCI, the driver says so. Loop thread only. */
    private boolean memoryAllowed;

    private final Rundown reset = new Rundown(new FinishReset());

    /** One for each queue. */
    private final Rundown[] stops;

    private final RegisterNotifications notifications;
    private final DriverSignals signals = new Signals();
    private final LoopTask resetTask = new ResetTask();

    DeviceLifecycle(
            VirtioDevice device,
            GuestMemory memory,
            EventLoop loop,
            TransportInterrupts interrupts,
            FaultLog faults,
            Platform platform) {
        if (device.queueCount() < 1 || device.queueCount() > VirtioDevice.QUEUE_COUNT_LIMIT) {
            throw new IllegalArgumentException("Number of queues");
        }
        this.device = device;
        this.memory = memory;
        this.loop = loop;
        this.interrupts = interrupts;
        this.faults = faults;
        this.memoryAllowed = platform == Platform.TRANSPARENT;
        this.offeredFeatures = device.offeredFeatures()
                | TRANSPORT_FEATURES
                | platform.features
                | (device.offersPackedQueues() ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0);
        this.state = new TransportState(device, offeredFeatures);
        this.started = new boolean[device.queueCount()];
        this.stops = new Rundown[device.queueCount()];
        for (int i = 0; i < stops.length; i++) {
            stops[i] = new Rundown(new FinishStop(i));
        }
        this.notifications = new RegisterNotifications(loop, this);
    }

    /** Returns what the driver has written, for the registers that only store or report. */
    TransportState state() {
        return state;
    }

    // Status.

    /** Handles a driver's write to the status field. vCPU threads; waits for a reset to end, and at DRIVER_OK. */
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

    /** Resets the device, in any state; has finished on return. Any thread but the loop's. */
    void reset() {
        loop.callAndAwait(resetTask);
    }

    /**
     * Applies a write to the status field, all but DRIVER_OK.
     *
     * @return whether DRIVER_OK is to be set now, for which the caller activates the device
     */
    private boolean applyStatus(int written) {
        long features = state.driverFeatures();
        int granted = state.grantStatus(written, features, acceptsFeatures(features));
        if ((granted & DeviceStatus.FEATURES_OK) != 0) {
            device.featuresChosen(features);
        }
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
        if (task.inUse) {
            for (int i = 0; i < started.length; i++) {
                loop.callAndAwait(new StopQueueTask(i));
            }
        }
    }

    // Queues.

    /** Enables or disables the selected queue. vCPU threads; waits where the device is live, for the queue to stop too. */
    void writeQueueReady(boolean ready) {
        int index = state.writeQueueReady(ready);
        if (index == TransportState.NO_QUEUE) {
            return;
        }
        if (ready) {
            loop.call(new StartQueueTask(index));
        } else {
            loop.callAndAwait(new StopQueueTask(index));
        }
    }

    /** Resets the selected queue (2.6.1); has finished on return. vCPU threads; waits. */
    void resetQueue() {
        int index = state.beginQueueReset();
        if (index != TransportState.NO_QUEUE) {
            loop.callAndAwait(new StopQueueTask(index));
        }
    }

    // Notifications.

    /** Handles a notification that came through a register: passes it to the loop. vCPU threads; never waits. */
    void notifyFromRegister(long index) {
        if (index >= 0 && index < started.length) {
            notifications.add((int) index);
        }
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
                LayoutOutcome layout = RingFormat.check(memory, registers[i], features);
                if (!(layout instanceof RingLayout valid)) {
                    state.addStatus(DeviceStatus.DRIVER_OK);
                    signals.needsReset(i, describe(layout));
                    return;
                }
                queues[i] = RingFormat.open(memory, valid, registers[i].sizeMax, features);
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

    private static String describe(LayoutOutcome outcome) {
        return outcome instanceof Malformed malformed ? malformed.reason().description() : "";
    }

    private void startQueue(int index) {
        assert loop.inLoop();
        QueueRegisters registers = state.copyOfQueue(index);
        ActiveDevice current = active;
        if (current == null || started[index] || stops[index].underWay() || !live()) {
            return;
        }
        long features = state.driverFeatures();
        LayoutOutcome layout = RingFormat.check(memory, registers, features);
        if (!(layout instanceof RingLayout valid)) {
            signals.needsReset(index, describe(layout));
            return;
        }
        current.startQueue(index, RingFormat.open(memory, valid, registers.sizeMax, features));
        started[index] = true;
        state.setQueueReady(index);
        notifyQueue(index);
    }

    private void stopQueue(int index, Runnable ended) {
        assert loop.inLoop();
        if (reset.underWay()) {
            // It stops this queue, too.
            reset.join(ended);
            return;
        }
        Rundown stop = stops[index];
        if (!stop.join(ended)) {
            return;
        }
        ActiveDevice current = active;
        if (current != null && started[index]) {
            started[index] = false;
            current.stopQueue(index, stop);
        } else {
            stop.run();
        }
    }

    private void beginReset(Runnable ended) {
        assert loop.inLoop();
        if (!reset.join(ended)) {
            return;
        }
        ActiveDevice current = active;
        active = null;
        for (int i = 0; i < started.length; i++) {
            started[i] = false;
        }
        if (current != null) {
            current.close(reset);
        } else {
            reset.run();
        }
    }

    private final class ResetTask implements LoopTask {
        @Override
        public void begin(Runnable ended) {
            beginReset(ended);
        }
    }

    private void needsReset(String reason) {
        assert loop.inLoop();
        faults.report("needs a reset: " + reason);
        if (active != null) {
            active.takeNoMore();
        }
        if ((state.addStatus(DeviceStatus.DEVICE_NEEDS_RESET) & DeviceStatus.DRIVER_OK) != 0) {
            // 2.1.2: once DRIVER_OK is set, the driver must be told.
            interrupts.configChanged();
        }
    }

    /** Section 2.4.1: when status reads 0, nothing touches the queues or notifies the driver any more. */
    private final class FinishReset implements Runnable {
        @Override
        public void run() {
            notifications.clear();
            interrupts.clear();
            state.reset();
        }
    }

    private final class StopQueueTask implements LoopTask {
        private final int index;

        StopQueueTask(int index) {
            this.index = index;
        }

        @Override
        public void begin(Runnable ended) {
            stopQueue(index, ended);
        }
    }

    private final class FinishStop implements Runnable {
        private final int index;

        FinishStop(int index) {
            this.index = index;
        }

        @Override
        public void run() {
            state.queueStopped(index);
        }
    }

    private final class MemoryTask implements Runnable {
        private final boolean allowed;

        /** Whether the host may still be using buffers. Set on the loop, read by the caller after that. */
        boolean inUse;

        MemoryTask(boolean allowed) {
            this.allowed = allowed;
        }

        @Override
        public void run() {
            memoryAllowed = allowed;
            if (!allowed && active != null) {
                needsReset("lost the right to access memory");
            }
            inUse = !allowed && (active != null || reset.underWay());
        }
    }

    private final class StatusTask implements Runnable {
        private final int written;

        StatusTask(int written) {
            this.written = written;
        }

        @Override
        public void run() {
            // What another vCPU writes during a reset is lost with it.
            if (!reset.underWay() && applyStatus(written)) {
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

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.IrqLine;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * Virtio over MMIO, version 2 (virtio 1.2, section 4.2): decodes the registers of {@link MmioRegisters} and keeps the
 * interrupt bits.
 *
 * <p>Called by vCPU threads, several at once. Only a write to Status, QueueReady or QueueReset may wait: for the loop, and
 * where it stops the device or a queue, for the requests in flight.
 * What a driver must not do has a defined answer: a register of the wrong direction, an undefined offset and an access
 * that is not 32 bits wide and aligned read as 0 and ignore writes.
 *
 * <p>The interrupt is edge-triggered: each event sets its bit in InterruptStatus and then raises one edge, even where
 * the bit is set already, because the driver may be about to acknowledge that bit without looking again.
 */
public final class MmioTransport implements BusDevice {
    /** Size of the address range: the registers and 256 bytes of configuration space. */
    public static final int LENGTH_BYTES = 0x200;

    private static final long ALL_ONES = 0xffff_ffffL;

    private final VirtioDevice device;
    private final DeviceLifecycle lifecycle;
    private final TransportState state;
    private final MmioInterrupts interrupts;

    /**
     * Carries a device.
     *
     * @param device the device
     * @param memory the guest's RAM
     * @param loop the loop that owns the device while it is active
     * @param irq the transport's own interrupt line
     * @param name how log messages call the device, such as "virtio-blk 0"
     */
    public MmioTransport(VirtioDevice device, GuestMemory memory, EventLoop loop, IrqLine irq, String name) {
        this.device = device;
        this.interrupts = new MmioInterrupts(irq);
        this.lifecycle = new DeviceLifecycle(
                device, memory, loop, interrupts, new FaultLog(name), DeviceLifecycle.Platform.TRANSPARENT);
        this.state = lifecycle.state();
    }

    /**
     * Handles an available buffer notification, as QueueNotify does but at once: what an ioeventfd on QueueNotify
     * leads to. Loop thread.
     *
     * @param queueIndex any value; queues that do not exist are ignored
     */
    public void notifyQueue(int queueIndex) {
        lifecycle.notifyQueue(queueIndex);
    }

    /**
     * Resets transport and device as a driver's reset does, in any state: requests in flight have ended on return. For
     * a machine's reset and its end. Any thread but the loop's.
     */
    public void reset() {
        lifecycle.reset();
    }

    @Override
    public long read(long offset, int sizeBytes) {
        if (offset >= MmioRegisters.VIRTIO_MMIO_CONFIG) {
            return device.config().read(offset - MmioRegisters.VIRTIO_MMIO_CONFIG, sizeBytes);
        }
        if (sizeBytes != Integer.BYTES || offset < 0) {
            return 0;
        }
        return switch ((int) offset) {
            case MmioRegisters.VIRTIO_MMIO_MAGIC_VALUE -> MmioRegisters.MAGIC;
            case MmioRegisters.VIRTIO_MMIO_VERSION -> MmioRegisters.VERSION;
            case MmioRegisters.VIRTIO_MMIO_DEVICE_ID -> device.deviceId();
            case MmioRegisters.VIRTIO_MMIO_VENDOR_ID -> VirtioIds.VENDOR_ID;
            case MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES -> state.deviceFeatures();
            case MmioRegisters.VIRTIO_MMIO_QUEUE_NUM_MAX -> state.queueSizeMax();
            case MmioRegisters.VIRTIO_MMIO_QUEUE_READY -> state.queueReady() ? 1 : 0;
            case MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS -> interrupts.status();
            case MmioRegisters.VIRTIO_MMIO_STATUS -> state.status();
            // There are no shared memory regions, whatever SHMSel says (4.2.2).
            case MmioRegisters.VIRTIO_MMIO_SHM_LEN_LOW,
                    MmioRegisters.VIRTIO_MMIO_SHM_LEN_HIGH,
                    MmioRegisters.VIRTIO_MMIO_SHM_BASE_LOW,
                    MmioRegisters.VIRTIO_MMIO_SHM_BASE_HIGH -> ALL_ONES;
            case MmioRegisters.VIRTIO_MMIO_QUEUE_RESET -> state.queueResetting() ? 1 : 0;
            case MmioRegisters.VIRTIO_MMIO_CONFIG_GENERATION -> Integer.toUnsignedLong(
                    device.config().generation());
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        if (offset >= MmioRegisters.VIRTIO_MMIO_CONFIG) {
            device.writeConfig(offset - MmioRegisters.VIRTIO_MMIO_CONFIG, sizeBytes, value);
            return;
        }
        if (sizeBytes != Integer.BYTES || offset < 0) {
            return;
        }
        long value32 = value & ALL_ONES;
        int bits = (int) value32;
        switch ((int) offset) {
            case MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL -> state.selectDeviceFeatures(bits);
            case MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES -> state.writeDriverFeatures(value32);
            case MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES_SEL -> state.selectDriverFeatures(bits);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_SEL -> state.selectQueue(bits);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_NUM -> state.writeQueueSize(value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_READY -> writeQueueReady(bits);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_NOTIFY -> lifecycle.notifyFromRegister(value32);
            case MmioRegisters.VIRTIO_MMIO_INTERRUPT_ACK -> interrupts.acknowledge(bits);
            case MmioRegisters.VIRTIO_MMIO_STATUS -> lifecycle.writeStatus(bits);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_DESC_LOW -> state.writeDescriptorArea(false, value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_DESC_HIGH -> state.writeDescriptorArea(true, value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_DRIVER_LOW -> state.writeDriverArea(false, value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_DRIVER_HIGH -> state.writeDriverArea(true, value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_DEVICE_LOW -> state.writeDeviceArea(false, value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_DEVICE_HIGH -> state.writeDeviceArea(true, value32);
            case MmioRegisters.VIRTIO_MMIO_QUEUE_RESET -> {
                if (bits == 1) {
                    lifecycle.resetQueue();
                }
            }
            default -> {
                // Read-only, not defined, or SHMSel, which has nothing to select.
            }
        }
    }

    /** The register is a bit: other values than 0 and 1 are not defined and ignored. */
    private void writeQueueReady(int bits) {
        if ((bits & ~1) == 0) {
            lifecycle.writeQueueReady(bits == 1);
        }
    }

    /** InterruptStatus and the line behind it. Lock-free: the loop sets bits while a vCPU acknowledges others. */
    private static final class MmioInterrupts implements TransportInterrupts {
        private static final VarHandle STATUS;

        static {
            try {
                STATUS = MethodHandles.lookup().findVarHandle(MmioInterrupts.class, "status", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private final IrqLine irq;

        @SuppressWarnings("unused") // Accessed through STATUS.
        private volatile int status;

        MmioInterrupts(IrqLine irq) {
            this.irq = irq;
        }

        int status() {
            return status;
        }

        void acknowledge(int bits) {
            STATUS.getAndBitwiseAnd(this, ~bits);
        }

        @Override
        public void usedBuffers(int queueIndex) {
            raise(MmioRegisters.VIRTIO_MMIO_INT_VRING);
        }

        @Override
        public void configChanged() {
            raise(MmioRegisters.VIRTIO_MMIO_INT_CONFIG);
        }

        /** Bit first, edge second: the handler that the edge starts must find the bit (4.2.2.1). */
        private void raise(int bit) {
            STATUS.getAndBitwiseOr(this, bit);
            irq.pulse();
        }

        @Override
        public void clear() {
            status = 0;
        }
    }
}

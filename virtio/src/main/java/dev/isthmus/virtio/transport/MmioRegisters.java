// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

/**
 * Register offsets of virtio over MMIO, version 2 (virtio 1.2, section 4.2.2). All are 32 bits wide, little-endian and
 * only accessed whole; the names are those of Linux's {@code virtio_mmio.h}.
 */
public final class MmioRegisters {
    private MmioRegisters() {}

    /** R: {@link #MAGIC}. */
    public static final int VIRTIO_MMIO_MAGIC_VALUE = 0x000;
    /** R: {@link #VERSION}. */
    public static final int VIRTIO_MMIO_VERSION = 0x004;
    /** R: the device type. */
    public static final int VIRTIO_MMIO_DEVICE_ID = 0x008;
    /** R: the vendor. */
    public static final int VIRTIO_MMIO_VENDOR_ID = 0x00c;
    /** R: 32 offered feature bits, chosen by {@link #VIRTIO_MMIO_DEVICE_FEATURES_SEL}. */
    public static final int VIRTIO_MMIO_DEVICE_FEATURES = 0x010;
    /** W: which 32 offered feature bits to read. */
    public static final int VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014;
    /** W: 32 accepted feature bits, chosen by {@link #VIRTIO_MMIO_DRIVER_FEATURES_SEL}. */
    public static final int VIRTIO_MMIO_DRIVER_FEATURES = 0x020;
    /** W: which 32 accepted feature bits to write. */
    public static final int VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024;
    /** W: the queue that the queue registers mean. */
    public static final int VIRTIO_MMIO_QUEUE_SEL = 0x030;
    /** R: largest Queue Size of the queue, 0 where it does not exist. */
    public static final int VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034;
    /** W: Queue Size. */
    public static final int VIRTIO_MMIO_QUEUE_NUM = 0x038;
    /** RW: 1 while the queue is in use. */
    public static final int VIRTIO_MMIO_QUEUE_READY = 0x044;
    /** W: index of a queue with new buffers. */
    public static final int VIRTIO_MMIO_QUEUE_NOTIFY = 0x050;
    /** R: events that are not acknowledged yet. */
    public static final int VIRTIO_MMIO_INTERRUPT_STATUS = 0x060;
    /** W: events to acknowledge. */
    public static final int VIRTIO_MMIO_INTERRUPT_ACK = 0x064;
    /** RW: device status; writing 0 resets. */
    public static final int VIRTIO_MMIO_STATUS = 0x070;
    /** W: Descriptor Area, low half. */
    public static final int VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080;
    /** W: Descriptor Area, high half. */
    public static final int VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084;
    /** W: Driver Area, low half. */
    public static final int VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090;
    /** W: Driver Area, high half. */
    public static final int VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094;
    /** W: Device Area, low half. */
    public static final int VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0;
    /** W: Device Area, high half. */
    public static final int VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4;
    /** W: the shared memory region that the SHM registers mean. */
    public static final int VIRTIO_MMIO_SHM_SEL = 0x0ac;
    /** R: length of the region, low half. */
    public static final int VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0;
    /** R: length of the region, high half. */
    public static final int VIRTIO_MMIO_SHM_LEN_HIGH = 0x0b4;
    /** R: address of the region, low half. */
    public static final int VIRTIO_MMIO_SHM_BASE_LOW = 0x0b8;
    /** R: address of the region, high half. */
    public static final int VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc;
    /** RW: 1 resets the queue, reads 1 until that is done. */
    public static final int VIRTIO_MMIO_QUEUE_RESET = 0x0c0;
    /** R: generation of the configuration space. */
    public static final int VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc;
    /** RW: the configuration space, bytewise, up to the end of the transport's range. */
    public static final int VIRTIO_MMIO_CONFIG = 0x100;

    /** "virt", little-endian. */
    public static final int MAGIC = 0x7472_6976;
    /** Not the legacy interface, which is 1. */
    public static final int VERSION = 2;

    /** Bit of the interrupt registers: a buffer was used. */
    public static final int VIRTIO_MMIO_INT_VRING = 1;
    /** Bit of the interrupt registers: configuration or status changed. */
    public static final int VIRTIO_MMIO_INT_CONFIG = 2;
}

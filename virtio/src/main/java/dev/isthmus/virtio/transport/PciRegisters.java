// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

/**
 * Registers and capabilities of virtio over PCI (virtio 1.2, section 4.1); the names are those of Linux's
 * {@code virtio_pci.h}, where it has any.
 */
public final class PciRegisters {
    private PciRegisters() {}

    /** Vendor of all virtio devices over PCI (4.1.2). */
    public static final int VENDOR_ID = 0x1af4;

    /** PCI device id of a modern device: this and its type (4.1.2). */
    public static final int DEVICE_ID_BASE = 0x1040;

    /** Revision of a device without a legacy interface (4.1.2.1). */
    public static final int REVISION_ID = 1;

    // Capabilities (4.1.4): struct virtio_pci_cap.

    /** Vendor-specific capability of PCI. */
    public static final int CAP_ID_VENDOR = 0x09;
    /** Common configuration. */
    public static final int VIRTIO_PCI_CAP_COMMON_CFG = 1;
    /** Notifications. */
    public static final int VIRTIO_PCI_CAP_NOTIFY_CFG = 2;
    /** ISR status. */
    public static final int VIRTIO_PCI_CAP_ISR_CFG = 3;
    /** Device-specific configuration. */
    public static final int VIRTIO_PCI_CAP_DEVICE_CFG = 4;
    /** The way to the others through configuration space. */
    public static final int VIRTIO_PCI_CAP_PCI_CFG = 5;

    /** Offset in a capability: which BAR. */
    public static final int CAP_BAR = 4;
    /** Offset in a capability: where in the BAR, le32. */
    public static final int CAP_OFFSET = 8;
    /** Offset in a capability: how much, le32. */
    public static final int CAP_LENGTH = 12;
    /** Size of a capability. */
    public static final int CAP_BYTES = 16;
    /** Offset in the notification capability: {@code notify_off_multiplier}, le32. */
    public static final int CAP_NOTIFY_OFF_MULTIPLIER = 16;
    /** Offset in the capability {@link #VIRTIO_PCI_CAP_PCI_CFG}: {@code pci_cfg_data}, 4 bytes. */
    public static final int CAP_PCI_CFG_DATA = 16;
    /** Size of a capability with one field more. */
    public static final int CAP_BYTES_WITH_FIELD = 20;

    // struct virtio_pci_common_cfg (4.1.4.3): offset; width; R, W.

    /** RW le32: which 32 offered feature bits to read. */
    public static final int VIRTIO_PCI_COMMON_DFSELECT = 0;
    /** R le32: offered feature bits. */
    public static final int VIRTIO_PCI_COMMON_DF = 4;
    /** RW le32: which 32 accepted feature bits to write. */
    public static final int VIRTIO_PCI_COMMON_GFSELECT = 8;
    /** RW le32: accepted feature bits. */
    public static final int VIRTIO_PCI_COMMON_GF = 12;
    /** RW le16: vector for changes of the configuration. */
    public static final int VIRTIO_PCI_COMMON_MSIX = 16;
    /** R le16: number of queues. */
    public static final int VIRTIO_PCI_COMMON_NUMQ = 18;
    /** RW u8: device status; writing 0 resets. */
    public static final int VIRTIO_PCI_COMMON_STATUS = 20;
    /** R u8: generation of the device-specific configuration. */
    public static final int VIRTIO_PCI_COMMON_CFGGENERATION = 21;
    /** RW le16: the queue that the registers from here on mean. */
    public static final int VIRTIO_PCI_COMMON_Q_SELECT = 22;
    /** RW le16: Queue Size; at first the largest, 0 where the queue does not exist. */
    public static final int VIRTIO_PCI_COMMON_Q_SIZE = 24;
    /** RW le16: vector for used buffers. */
    public static final int VIRTIO_PCI_COMMON_Q_MSIX = 26;
    /** RW le16: 1 while the queue is in use. */
    public static final int VIRTIO_PCI_COMMON_Q_ENABLE = 28;
    /** R le16: position of the queue's notification register. */
    public static final int VIRTIO_PCI_COMMON_Q_NOFF = 30;
    /** RW le64: Descriptor Area. */
    public static final int VIRTIO_PCI_COMMON_Q_DESC = 32;
    /** RW le64: Driver Area. */
    public static final int VIRTIO_PCI_COMMON_Q_AVAIL = 40;
    /** RW le64: Device Area. */
    public static final int VIRTIO_PCI_COMMON_Q_USED = 48;
    /** R le16: what drivers that negotiated VIRTIO_F_NOTIF_CONFIG_DATA write; not offered. */
    public static final int VIRTIO_PCI_COMMON_Q_NDATA = 56;
    /** RW le16: 1 resets the queue, reads 1 until that is done. */
    public static final int VIRTIO_PCI_COMMON_Q_RESET = 58;
    /** Size of the structure. */
    public static final int COMMON_BYTES = 60;

    /** No vector: no interrupt. */
    public static final int VIRTIO_MSI_NO_VECTOR = 0xffff;

    /** Bit of the ISR status: a buffer was used. */
    public static final int VIRTIO_PCI_ISR_INT = 1;
    /** Bit of the ISR status: configuration or status changed. */
    public static final int VIRTIO_PCI_ISR_CONFIG = 2;

    // Where the structures are in the BAR: a page each, so that an operating system may map them apart.

    /** Common configuration. */
    public static final int COMMON_OFFSET = 0x0000;
    /** ISR status. */
    public static final int ISR_OFFSET = 0x1000;
    /** Device-specific configuration. */
    public static final int DEVICE_OFFSET = 0x2000;
    /** Size of the device-specific configuration: no device of ours has more. */
    public static final int DEVICE_BYTES = 0x1000;
    /** Notifications. */
    public static final int NOTIFY_OFFSET = 0x3000;
    /** Distance between the notification registers of queues. */
    public static final int NOTIFY_OFF_MULTIPLIER = 4;
    /** Size of all that. */
    public static final int LENGTH_BYTES = 0x4000;
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import dev.isthmus.device.BusDevice;

/**
 * {@code VIRTIO_PCI_CAP_PCI_CFG}: a driver that can't map a BAR writes to the capability which bytes of it it means, and
 * each access to {@code pci_cfg_data} is then one to them (virtio 1.2, section 4.1.4.9).
 *
 * <p>What the driver has written is in the function's configuration space, whose lock is not held across the access.
 */
final class ConfigWindow {
    // Offsets in the capability, as in struct virtio_pci_cap.
    static final int BAR = 4;
    static final int OFFSET = 8;
    static final int LENGTH = 12;
    static final int DATA = 16;

    private static final long ALL_ONES = 0xffff_ffffL;

    private final PciConfigSpace config;
    private final int capability;
    private final BusDevice target;
    private final long targetBytes;

    /**
     * Adds the window to a configuration space.
     *
     * @param bytes the capability
     * @param target who answers at the start of BAR 0
     * @param targetBytes size of what it answers to
     */
    ConfigWindow(PciConfigSpace config, byte[] bytes, BusDevice target, long targetBytes) {
        this.config = config;
        this.capability = config.addCapability(bytes);
        this.target = target;
        this.targetBytes = targetBytes;
        config.allow(capability + BAR, 1, 0xff);
        config.allow(capability + OFFSET, 4, ALL_ONES);
        config.allow(capability + LENGTH, 4, ALL_ONES);
        config.allow(capability + DATA, 4, ALL_ONES);
    }

    /** Tells whether an access to configuration space touches {@code pci_cfg_data}. */
    boolean isTouched(long offset, int sizeBytes) {
        return offset < capability + DATA + Integer.BYTES && offset + sizeBytes > capability + DATA;
    }

    /** Reads what the driver means into {@code pci_cfg_data}, before that is read. */
    void fetch() {
        Request request = request();
        if (request.isValid()) {
            long value = target.read(request.offset, request.lengthBytes);
            synchronized (config) {
                config.set(capability + DATA, request.lengthBytes, value);
            }
        }
    }

    /** Writes {@code pci_cfg_data} to what the driver means, after that was written. */
    void store() {
        Request request = request();
        if (request.isValid()) {
            target.write(request.offset, request.lengthBytes, request.data);
        }
    }

    private Request request() {
        synchronized (config) {
            return new Request(
                    (int) config.get(capability + BAR, 1),
                    config.get(capability + OFFSET, 4),
                    config.get(capability + LENGTH, 4),
                    config.get(capability + DATA, 4));
        }
    }

    /** What the driver has written. */
    private final class Request {
        final int bar;
        final long offset;
        final int lengthBytes;
        final long data;

        Request(int bar, long offset, long length, long data) {
            this.bar = bar;
            this.offset = offset;
            this.lengthBytes = length == 1 || length == 2 || length == 4 ? (int) length : 0;
            this.data = lengthBytes == 0 ? 0 : data & (ALL_ONES >>> (Integer.SIZE - lengthBytes * Byte.SIZE));
        }

        /** 1, 2 or 4 bytes, aligned, within BAR 0 (4.1.4.9.2). */
        boolean isValid() {
            return bar == 0
                    && lengthBytes != 0
                    && offset % lengthBytes == 0
                    && offset <= targetBytes - lengthBytes;
        }
    }
}

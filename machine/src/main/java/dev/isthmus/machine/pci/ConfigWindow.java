// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BusDevice;

/**
 * {@code VIRTIO_PCI_CAP_PCI_CFG}: a driver that cannot map a BAR writes to the capability which bytes of it it means and
 * then reads or writes them through {@code pci_cfg_data} (virtio 1.2, section 4.1.4.9).
 */
final class ConfigWindow {
    // Offsets in the capability, as in struct virtio_pci_cap.
    static final int BAR = 4;
    static final int OFFSET = 8;
    static final int LENGTH = 12;
    static final int DATA = 16;

    private ConfigWindow() {}

    /** What the driver has written to the capability, unchecked. */
    record Request(int bar, long offset, long lengthBytes) {
        /** Tells whether this may be done: 1, 2 or 4 bytes, aligned, within BAR 0; and all of it is accessed. */
        boolean isValid(long targetBytes, int sizeBytes) {
            return bar == 0
                    && (lengthBytes == 1 || lengthBytes == 2 || lengthBytes == 4)
                    && sizeBytes >= lengthBytes
                    && offset % lengthBytes == 0
                    && offset <= targetBytes - lengthBytes;
        }
    }

    static long read(Request request, @Nullable BusDevice target, long targetBytes, int sizeBytes) {
        if (target == null || !request.isValid(targetBytes, sizeBytes)) {
            return 0;
        }
        return target.read(request.offset(), (int) request.lengthBytes());
    }

    static void write(
            Request request, @Nullable BusDevice target, long targetBytes, int sizeBytes, long value) {
        if (target != null && request.isValid(targetBytes, sizeBytes)) {
            int bytes = (int) request.lengthBytes();
            target.write(request.offset(), bytes, value & (-1L >>> (Long.SIZE - bytes * Byte.SIZE)));
        }
    }
}

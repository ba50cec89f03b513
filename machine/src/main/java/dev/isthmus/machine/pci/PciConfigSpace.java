// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

/**
 * The configuration space of a function: bytes, and which bits of them the guest may write. What a write means is for
 * {@link PciFunction} to say.
 *
 * <p>Not thread-safe: guarded by its function's lock.
 */
final class PciConfigSpace {
    /** Size of a PCI Express function's configuration space. */
    static final int LENGTH_BYTES = 4096;

    // Type 0 header (PCI 3.0, section 6.1).

    static final int VENDOR_ID = 0x00;
    static final int DEVICE_ID = 0x02;
    static final int COMMAND = 0x04;
    static final int STATUS = 0x06;
    static final int REVISION_ID = 0x08;
    static final int CLASS_CODE = 0x09;
    static final int CACHE_LINE_SIZE = 0x0c;
    static final int BAR0 = 0x10;
    static final int BARS = 6;
    static final int SUBSYSTEM_VENDOR_ID = 0x2c;
    static final int SUBSYSTEM_ID = 0x2e;
    static final int CAPABILITIES_POINTER = 0x34;
    static final int INTERRUPT_LINE = 0x3c;
    static final int INTERRUPT_PIN = 0x3d;

    /** COMMAND: the function answers to memory accesses at its BARs. */
    static final int COMMAND_MEMORY = 1 << 1;

    /** COMMAND: the function may access memory by itself. */
    static final int COMMAND_MASTER = 1 << 2;

    /** COMMAND: the function may not assert its interrupt line. */
    static final int COMMAND_INTX_DISABLE = 1 << 10;

    /** STATUS: the interrupt line would be asserted but for COMMAND_INTX_DISABLE. */
    static final int STATUS_INTERRUPT = 1 << 3;

    /** STATUS: there is a list of capabilities. */
    private static final int STATUS_CAPABILITIES = 1 << 4;

    private static final int CAPABILITY_NEXT = 1;
    private static final int FIRST_CAPABILITY = 0x40;
    private static final int LEGACY_BYTES = 256;

    private final byte[] bytes = new byte[LENGTH_BYTES];
    private final byte[] writable = new byte[LENGTH_BYTES];

    /** Contents after a reset, set by {@link #seal}. */
    private byte[] initial = bytes;

    private int lastCapability;
    private int nextCapability = FIRST_CAPABILITY;

    /** Sets bytes, whatever the guest may write; little-endian. */
    void set(int offset, int sizeBytes, long value) {
        LittleEndian.put(bytes, offset, sizeBytes, value);
    }

    /** Lets the guest write bits. */
    void allow(int offset, int sizeBytes, long mask) {
        LittleEndian.put(writable, offset, sizeBytes, mask);
    }

    /**
     * Adds a capability to the list (section 6.7).
     *
     * @param capability its bytes, the link to the next left out
     * @return where it is
     * @throws IllegalStateException if there is no room
     */
    int addCapability(byte[] capability) {
        int offset = nextCapability;
        if (offset + capability.length > LEGACY_BYTES) {
            throw new IllegalStateException("No room for a PCI capability");
        }
        System.arraycopy(capability, 0, bytes, offset, capability.length);
        bytes[offset + CAPABILITY_NEXT] = 0;
        if (lastCapability == 0) {
            set(CAPABILITIES_POINTER, 1, offset);
            set(STATUS, 2, get(STATUS, 2) | STATUS_CAPABILITIES);
        } else {
            bytes[lastCapability + CAPABILITY_NEXT] = (byte) offset;
        }
        lastCapability = offset;
        nextCapability = (offset + capability.length + Integer.BYTES - 1) & -Integer.BYTES;
        return offset;
    }

    /** Makes the present contents those after a reset. */
    void seal() {
        initial = bytes.clone();
    }

    /** Returns to the contents after a reset. */
    void reset() {
        System.arraycopy(initial, 0, bytes, 0, bytes.length);
    }

    /** Returns a value, little-endian, zero-extended; the range is within the space. */
    long get(int offset, int sizeBytes) {
        return LittleEndian.get(bytes, offset, sizeBytes);
    }

    /** Writes what the guest may write of a value; the range is within the space. */
    void write(int offset, int sizeBytes, long value) {
        for (int i = 0; i < sizeBytes; i++) {
            int mask = writable[offset + i];
            int written = (int) (value >>> (Byte.SIZE * i));
            bytes[offset + i] = (byte) ((bytes[offset + i] & ~mask) | (written & mask));
        }
    }
}

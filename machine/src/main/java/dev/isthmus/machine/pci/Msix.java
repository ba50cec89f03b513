// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.MsixVectors;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.accel.MsiRoute;

/**
 * The MSI-X table and pending bits of a function (PCI 3.0, section 6.8.2).
 *
 * <pre>
 *  table entry, 16 bytes             capability, 12 bytes
 *  +0  le32 message address          +0 u8   0x11
 *  +4  le32 upper address            +2 le16 control: enable, function mask, table size - 1
 *  +8  le32 message data             +4 le32 table: offset | BAR
 *  +12 le32 vector control: mask     +8 le32 pending bits: offset | BAR
 *
 *  what becomes of an event            enabled   masked   message
 *  it is forgotten                     no        -        -
 *  it waits, its pending bit set       yes       yes      -
 *  it is sent                          yes       no       for a local APIC, of a vector that was claimed
 *  it is forgotten                     yes       no       any other
 * </pre>
 *
 * <p>Any thread, several at once. The lock of the table is held while the accelerator takes a message, which may last some
 * milliseconds; senders never take it, but only their {@link Vector}'s own. So a vector is masked when the write that
 * masks it returns, and no sender ever waits for the accelerator.
 */
public final class Msix implements MsixVectors {
    /** Most vectors of a function: the control field has 11 bits for their number. */
    public static final int VECTORS_MAX = 2048;

    /** Size of a vector's entry in the table. */
    public static final int ENTRY_BYTES = 16;

    private static final int CAP_ID_MSIX = 0x11;
    private static final int CAPABILITY_BYTES = 12;
    private static final int ADDRESS_HIGH = 4;
    private static final int DATA = 8;
    private static final int CONTROL = 12;
    private static final int CONTROL_MASK = 1;
    private static final long ADDRESS_MASK = ~3L;

    private final Accelerator accelerator;
    private final FaultLog faults;
    private final Vector[] vectors;

    /** Written under the lock of the table. */
    private volatile boolean enabled;

    // All below guarded by this, the lock of the table.

    private final byte[] table;
    private boolean functionMask;
    private boolean closed;

    /**
     * Makes a table with all vectors masked.
     *
     * @param count number of vectors, 1 to {@link #VECTORS_MAX}
     * @param name how log messages call the device
     */
    Msix(Accelerator accelerator, int count, String name) {
        if (count < 1 || count > VECTORS_MAX) {
            throw new IllegalArgumentException("Number of MSI-X vectors");
        }
        this.accelerator = accelerator;
        this.faults = new FaultLog(name);
        this.table = new byte[count * ENTRY_BYTES];
        this.vectors = new Vector[count];
        for (int i = 0; i < count; i++) {
            vectors[i] = new Vector();
        }
        maskAll();
    }

    /** Returns the capability, without the link to the next. */
    public byte[] capability(int bar, int tableOffset, int pendingOffset) {
        byte[] capability = new byte[CAPABILITY_BYTES];
        capability[0] = CAP_ID_MSIX;
        LittleEndian.put(capability, 2, 2, vectors.length - 1);
        LittleEndian.put(capability, 4, 4, tableOffset | bar);
        LittleEndian.put(capability, 8, 4, pendingOffset | bar);
        return capability;
    }

    /** Returns who answers at the table's place in the BAR. */
    public BusDevice table() {
        return new Table();
    }

    /** Returns who answers at the pending bits' place in the BAR. */
    public BusDevice pendingBits() {
        return new PendingBits();
    }

    @Override
    public int count() {
        return vectors.length;
    }

    @Override
    public boolean enabled() {
        return enabled;
    }

    @Override
    public synchronized boolean claim(int number) {
        Vector vector = vectors[number];
        if (vector.route == null && !closed) {
            try {
                vector.route = accelerator.newMsiRoute();
            } catch (VmException e) {
                faults.report("vector " + number + " can't be had: " + e.getMessage());
                return false;
            }
            update(number);
        }
        return !closed;
    }

    @Override
    public void signal(int number) {
        vectors[number].signal();
    }

    @Override
    public void clearPending() {
        for (Vector vector : vectors) {
            vector.clearPending();
        }
    }

    /**
     * Follows the capability's control field.
     *
     * @param newFunctionMask whether all vectors are masked; also where the function may not send anything
     */
    synchronized void control(boolean newEnabled, boolean newFunctionMask) {
        if (enabled == newEnabled && functionMask == newFunctionMask) {
            return;
        }
        enabled = newEnabled;
        functionMask = newFunctionMask;
        updateAll();
    }

    private void updateAll() {
        for (int i = 0; i < vectors.length; i++) {
            update(i);
        }
    }

    /** Brings what senders see of a vector in line with the table, and sends what waited for that. */
    private void update(int number) {
        Vector vector = vectors[number];
        MsiRoute route = vector.route;
        if (!enabled || closed) {
            vector.become(null, false);
        } else if (functionMask || (table[number * ENTRY_BYTES + CONTROL] & CONTROL_MASK) != 0) {
            vector.become(null, true);
        } else if (route == null) {
            vector.become(null, false);
        } else {
            // What comes while the accelerator takes the message waits for it.
            vector.become(null, true);
            vector.become(setMessage(number, route) ? route : null, false);
        }
    }

    private boolean setMessage(int number, MsiRoute route) {
        int entry = number * ENTRY_BYTES;
        long address = (LittleEndian.get(table, entry, Integer.BYTES) & ADDRESS_MASK)
                | (LittleEndian.get(table, entry + ADDRESS_HIGH, Integer.BYTES) << 32);
        boolean valid = route.set(address, (int) LittleEndian.get(table, entry + DATA, Integer.BYTES));
        if (!valid) {
            faults.report("vector " + number + " leads nowhere: 0x" + Long.toHexString(address));
        }
        return valid;
    }

    /** Takes the state after power-on. Vectors stay claimed. */
    synchronized void reset() {
        Arrays.fill(table, (byte) 0);
        maskAll();
        enabled = false;
        functionMask = false;
        updateAll();
    }

    private void maskAll() {
        for (int i = 0; i < vectors.length; i++) {
            table[i * ENTRY_BYTES + CONTROL] = CONTROL_MASK;
        }
    }

    /** Gives the routes back; nothing is sent any more. */
    synchronized void close() {
        closed = true;
        updateAll();
        for (Vector vector : vectors) {
            MsiRoute route = vector.route;
            if (route != null) {
                route.close();
                vector.route = null;
            }
        }
    }

    /** Accesses are of 4 or 8 bytes, aligned (6.8.2); others read as 0 and write nothing. */
    private static boolean isWhole(long offset, int sizeBytes, long lengthBytes) {
        return (sizeBytes == Integer.BYTES || sizeBytes == Long.BYTES)
                && offset >= 0
                && offset % sizeBytes == 0
                && offset <= lengthBytes - sizeBytes;
    }

    /** A vector as senders see it. Its lock is held across the signal to the route, which never blocks. */
    private static final class Vector {
        /** Its GSI, once claimed. Guarded by the lock of the table. */
        private @Nullable MsiRoute route;

        /** Where events go now, null where they don't. Guarded by this. */
        private @Nullable MsiRoute open;

        /** Whether events wait that can't be sent. Guarded by this. */
        private boolean held;

        /** Guarded by this. */
        private boolean pending;

        synchronized void signal() {
            if (open != null) {
                open.signal();
            } else if (held) {
                pending = true;
            }
        }

        synchronized void become(@Nullable MsiRoute newOpen, boolean newHeld) {
            open = newOpen;
            held = newHeld;
            if (newHeld) {
                return;
            }
            if (newOpen != null && pending) {
                newOpen.signal();
            }
            pending = false;
        }

        synchronized boolean isPending() {
            return pending;
        }

        synchronized void clearPending() {
            pending = false;
        }
    }

    private final class Table implements BusDevice {
        @Override
        public long read(long offset, int sizeBytes) {
            if (!isWhole(offset, sizeBytes, table.length)) {
                return 0;
            }
            synchronized (Msix.this) {
                return LittleEndian.get(table, (int) offset, sizeBytes);
            }
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            if (!isWhole(offset, sizeBytes, table.length)) {
                return;
            }
            synchronized (Msix.this) {
                int number = (int) offset / ENTRY_BYTES;
                int control = number * ENTRY_BYTES + CONTROL;
                LittleEndian.put(table, (int) offset, sizeBytes, value);
                // All bits of vector control but the mask are reserved.
                LittleEndian.put(table, control, Integer.BYTES, table[control] & CONTROL_MASK);
                update(number);
            }
        }
    }

    private final class PendingBits implements BusDevice {
        @Override
        public long read(long offset, int sizeBytes) {
            int words = (vectors.length + Long.SIZE - 1) / Long.SIZE;
            if (!isWhole(offset, sizeBytes, (long) words * Long.BYTES)) {
                return 0;
            }
            long bits = 0;
            int first = (int) offset * Byte.SIZE;
            for (int i = 0; i < sizeBytes * Byte.SIZE && first + i < vectors.length; i++) {
                bits |= vectors[first + i].isPending() ? 1L << i : 0;
            }
            return bits;
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            // Read-only.
        }
    }
}

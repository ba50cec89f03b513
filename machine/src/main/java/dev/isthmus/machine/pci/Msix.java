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
 * </pre>
 *
 * <p>A vector that may be sent has its {@link MsiRoute} in {@link #open}, so sending is one volatile read and one system
 * call. Everything else takes the lock: writes of the guest, and vectors that must wait. An accelerator's route is made
 * when a vector first may be sent, and kept until {@link #close}.
 *
 * <p>Any thread, several at once.
 */
public final class Msix implements MsixVectors {
    /** Most vectors of a function: the control field has 11 bits for their number. */
    public static final int VECTORS_MAX = 2048;

    static final int ENTRY_BYTES = 16;

    private static final int CAP_ID_MSIX = 0x11;
    private static final int CAPABILITY_BYTES = 12;
    private static final int ADDRESS_HIGH = 4;
    private static final int DATA = 8;
    private static final int CONTROL = 12;
    private static final int CONTROL_MASK = 1;
    private static final long ADDRESS_MASK = ~3L;

    private final Accelerator accelerator;
    private final FaultLog faults;
    private final int count;

    /** The route of each vector that may be sent now. The array is never changed, only replaced. */
    private volatile @Nullable MsiRoute[] open;

    private volatile boolean enabled;

    // All below guarded by this.

    /** A bit for each vector that waits to be unmasked. */
    private final long[] pending;

    private final byte[] table;
    private final @Nullable MsiRoute[] routes;
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
        this.count = count;
        this.table = new byte[count * ENTRY_BYTES];
        this.routes = new @Nullable MsiRoute[count];
        this.open = new @Nullable MsiRoute[count];
        this.pending = new long[(count + Long.SIZE - 1) / Long.SIZE];
        maskAll();
    }

    /** Returns the capability, without the link to the next. */
    public byte[] capability(int bar, int tableOffset, int pendingOffset) {
        byte[] capability = new byte[CAPABILITY_BYTES];
        capability[0] = CAP_ID_MSIX;
        put(capability, 2, 2, count - 1);
        put(capability, 4, 4, tableOffset | bar);
        put(capability, 8, 4, pendingOffset | bar);
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
        return count;
    }

    @Override
    public boolean enabled() {
        return enabled;
    }

    @Override
    public void signal(int vector) {
        MsiRoute route = open[vector];
        if (route != null) {
            route.signal();
        } else if (enabled) {
            signalLater(vector);
        }
    }

    private synchronized void signalLater(int vector) {
        MsiRoute route = open[vector];
        if (route != null) {
            route.signal();
        } else if (enabled && isMasked(vector)) {
            pending[vector / Long.SIZE] |= 1L << vector;
        }
    }

    /** Follows the capability's control field. */
    synchronized void control(boolean newEnabled, boolean newFunctionMask) {
        if (enabled == newEnabled && functionMask == newFunctionMask) {
            return;
        }
        enabled = newEnabled;
        functionMask = newFunctionMask;
        update(0, count);
    }

    private boolean isMasked(int vector) {
        return functionMask || (table[vector * ENTRY_BYTES + CONTROL] & CONTROL_MASK) != 0;
    }

    /** Brings routes in line with the table and sends what waited for it. */
    private void update(int from, int to) {
        @Nullable MsiRoute[] now = open.clone();
        for (int vector = from; vector < to; vector++) {
            now[vector] = enabled && !isMasked(vector) && !closed ? route(vector) : null;
        }
        open = now;
        for (int vector = from; vector < to; vector++) {
            MsiRoute route = now[vector];
            long bit = 1L << vector;
            if (route != null && (pending[vector / Long.SIZE] & bit) != 0) {
                pending[vector / Long.SIZE] &= ~bit;
                route.signal();
            }
        }
    }

    /** Returns the route of a vector with its present message, or null where it leads nowhere. */
    private @Nullable MsiRoute route(int vector) {
        int entry = vector * ENTRY_BYTES;
        MsiRoute route = routes[vector];
        if (route == null) {
            try {
                route = accelerator.newMsiRoute();
            } catch (VmException e) {
                faults.report("vector " + vector + " is dead: " + e.getMessage());
                return null;
            }
            routes[vector] = route;
        }
        long address = (get(entry, Integer.BYTES) & ADDRESS_MASK) | (get(entry + ADDRESS_HIGH, Integer.BYTES) << 32);
        int data = (int) get(entry + DATA, Integer.BYTES);
        if (!route.set(address, data)) {
            faults.report("vector " + vector + " has no valid address: 0x" + Long.toHexString(address));
            return null;
        }
        return route;
    }

    /** Takes the state after power-on. */
    synchronized void reset() {
        enabled = false;
        functionMask = false;
        Arrays.fill(table, (byte) 0);
        Arrays.fill(pending, 0);
        maskAll();
        open = new @Nullable MsiRoute[count];
    }

    private void maskAll() {
        for (int vector = 0; vector < count; vector++) {
            table[vector * ENTRY_BYTES + CONTROL] = CONTROL_MASK;
        }
    }

    /** Gives the routes back; nothing signals any more. */
    synchronized void close() {
        closed = true;
        open = new @Nullable MsiRoute[count];
        for (int vector = 0; vector < count; vector++) {
            MsiRoute route = routes[vector];
            if (route != null) {
                route.close();
                routes[vector] = null;
            }
        }
    }

    private long get(int offset, int sizeBytes) {
        long value = 0;
        for (int i = 0; i < sizeBytes; i++) {
            value |= (long) Byte.toUnsignedInt(table[offset + i]) << (Byte.SIZE * i);
        }
        return value;
    }

    private static void put(byte[] bytes, int offset, int sizeBytes, long value) {
        for (int i = 0; i < sizeBytes; i++) {
            bytes[offset + i] = (byte) (value >>> (Byte.SIZE * i));
        }
    }

    /** Accesses are of 4 or 8 bytes, aligned (6.8.2); others read as 0 and write nothing. */
    private static boolean isWhole(long offset, int sizeBytes, long lengthBytes) {
        return (sizeBytes == Integer.BYTES || sizeBytes == Long.BYTES)
                && offset >= 0
                && offset % sizeBytes == 0
                && offset <= lengthBytes - sizeBytes;
    }

    private final class Table implements BusDevice {
        @Override
        public long read(long offset, int sizeBytes) {
            if (!isWhole(offset, sizeBytes, table.length)) {
                return 0;
            }
            synchronized (Msix.this) {
                return get((int) offset, sizeBytes);
            }
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            if (!isWhole(offset, sizeBytes, table.length)) {
                return;
            }
            synchronized (Msix.this) {
                int vector = (int) offset / ENTRY_BYTES;
                put(table, (int) offset, sizeBytes, value);
                // All bits of vector control but the mask are reserved.
                put(table, vector * ENTRY_BYTES + CONTROL, Integer.BYTES,
                        table[vector * ENTRY_BYTES + CONTROL] & CONTROL_MASK);
                update(vector, vector + 1);
            }
        }
    }

    private final class PendingBits implements BusDevice {
        @Override
        public long read(long offset, int sizeBytes) {
            if (!isWhole(offset, sizeBytes, (long) pending.length * Long.BYTES)) {
                return 0;
            }
            long word;
            synchronized (Msix.this) {
                word = pending[(int) offset / Long.BYTES];
            }
            return sizeBytes == Long.BYTES ? word : word >>> (offset % Long.BYTES * Byte.SIZE) & 0xffff_ffffL;
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            // Read-only.
        }
    }
}

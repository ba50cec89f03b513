// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BusDevice;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;

/**
 * Bus 0 of the host bridge: finds functions by number, and BARs by address wherever the guest has put them. A BAR that is
 * not wholly in one of the two windows answers to nobody; of two that overlap, the one of the lower device number does.
 *
 * <p>Built by one thread; then any thread, several at once. Accesses allocate nothing; moving a BAR does.
 */
public final class PciBus {
    private final PciWindows windows;
    private final @Nullable PciFunction[] functions = new @Nullable PciFunction[MachineLayout.PCI_DEVICES_MAX];
    private final Remap remap = new Remap();
    private int nextDevice;

    /** Where the next BAR is to be at first. */
    private long nextGpa = MachineLayout.PCI_MMIO32_GPA;

    /** BARs that answer, by ascending address; replaced as a whole, under {@link #remapLock}. */
    private volatile Mapping mapping = new Mapping(new Placed[0]);

    private final Object remapLock = new Object();

    /** A BAR at an address; a plain class, since a record's comparisons are spun when they are first needed. */
    private static final class Placed implements Comparable<Placed> {
        final PciFunction function;
        final PciBar bar;
        final long gpa;

        Placed(PciFunction function, PciBar bar, long gpa) {
            this.function = function;
            this.bar = bar;
            this.gpa = gpa;
        }

        boolean overlaps(Placed other) {
            return gpa < other.gpa + other.bar.lengthBytes() && other.gpa < gpa + bar.lengthBytes();
        }

        @Override
        public int compareTo(Placed other) {
            return Long.compare(gpa, other.gpa);
        }
    }

    /** All BARs that answer. Immutable. */
    private static final class Mapping {
        final Placed[] placed;
        final long[] starts;

        Mapping(Placed[] sorted) {
            placed = sorted;
            starts = new long[sorted.length];
            for (int i = 0; i < starts.length; i++) {
                starts[i] = sorted[i].gpa;
            }
        }

        boolean has(Placed wanted) {
            for (Placed there : placed) {
                boolean sameBar = there.function == wanted.function && there.bar.register() == wanted.bar.register();
                if (sameBar && there.gpa == wanted.gpa) {
                    return true;
                }
            }
            return false;
        }

        /** Returns the BAR that holds a whole access, or null. */
        @Nullable Placed find(long gpa, int sizeBytes) {
            int found = Arrays.binarySearch(starts, gpa);
            int index = found >= 0 ? found : -found - 2;
            if (index < 0) {
                return null;
            }
            Placed candidate = placed[index];
            return gpa - candidate.gpa <= candidate.bar.lengthBytes() - sizeBytes ? candidate : null;
        }
    }

    /**
     * Makes a bus with nothing on it.
     *
     * @param windows where BARs can be
     */
    public PciBus(PciWindows windows) {
        this.windows = windows;
    }

    /**
     * Plugs a function in and gives its BARs their first addresses.
     *
     * @return its device number
     */
    int add(PciFunction function) {
        if (nextDevice == MachineLayout.PCI_DEVICES_MAX) {
            throw new IllegalStateException("The PCI bus is full");
        }
        for (PciBar bar : function.bars()) {
            long gpa = (nextGpa + bar.lengthBytes() - 1) & -bar.lengthBytes();
            function.placeBar(bar, gpa);
            nextGpa = gpa + bar.lengthBytes();
        }
        function.seal(remap);
        functions[nextDevice] = function;
        return nextDevice++;
    }

    /** Returns the device number that {@link #add} will give next. */
    int nextDevice() {
        return nextDevice;
    }

    /** Returns the function 0 of a device, or null where there is none. */
    @Nullable PciFunction function(int device) {
        return functions[device];
    }

    /** Returns who answers in the windows, at offsets from a base. */
    public BusDevice window(long baseGpa) {
        return new Window(baseGpa);
    }

    /**
     * Looks where all BARs are now and tells those that have moved. Slow, and rare: guests do it while they boot. The
     * lock is held across the calls, so that the last state looked at is the last one told.
     */
    private final class Remap implements Runnable {
        @Override
        public void run() {
            synchronized (remapLock) {
                Mapping before = mapping;
                Mapping now = new Mapping(collect());
                for (Placed old : before.placed) {
                    if (!now.has(old)) {
                        old.bar.listener().unmapped();
                    }
                }
                mapping = now;
                for (Placed placed : now.placed) {
                    if (!before.has(placed)) {
                        placed.bar.listener().mapped(placed.gpa);
                    }
                }
            }
        }
    }

    /** Returns the BARs that answer, by ascending address. */
    private Placed[] collect() {
        List<Placed> answering = new ArrayList<>();
        for (PciFunction function : functions) {
            if (function != null) {
                collect(function, answering);
            }
        }
        Placed[] sorted = answering.toArray(new Placed[0]);
        Arrays.sort(sorted);
        return sorted;
    }

    private void collect(PciFunction function, List<Placed> answering) {
        for (PciBar bar : function.bars()) {
            long gpa = function.addressOf(bar);
            if (gpa == PciFunction.UNMAPPED || !windows.contains(gpa, bar.lengthBytes())) {
                continue;
            }
            Placed candidate = new Placed(function, bar, gpa);
            boolean free = true;
            for (Placed other : answering) {
                free &= !candidate.overlaps(other);
            }
            if (free) {
                answering.add(candidate);
            }
        }
    }

    /** Puts all functions into their state after power-on; no vCPU is running. */
    public void reset() {
        for (PciFunction function : functions) {
            if (function != null) {
                function.reset();
            }
        }
    }

    /** Gives back what functions hold of the host. */
    public void close() {
        for (PciFunction function : functions) {
            if (function != null) {
                function.close();
            }
        }
    }

    /** A window, which hands each access on to the BAR that holds all of it. */
    private final class Window implements BusDevice {
        private final long baseGpa;

        Window(long baseGpa) {
            this.baseGpa = baseGpa;
        }

        @Override
        public long read(long offset, int sizeBytes) {
            Placed placed = mapping.find(baseGpa + offset, sizeBytes);
            return placed == null ? -1L : placed.bar.device().read(baseGpa + offset - placed.gpa, sizeBytes);
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            Placed placed = mapping.find(baseGpa + offset, sizeBytes);
            if (placed != null) {
                placed.bar.device().write(baseGpa + offset - placed.gpa, sizeBytes, value);
            }
        }
    }
}

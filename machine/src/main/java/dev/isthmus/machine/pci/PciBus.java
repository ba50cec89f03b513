// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
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

    /** BARs that answer, by ascending address; replaced as a whole. */
    private volatile Map map = new Map(new long[0], new PciBar[0]);

    private final Object remapLock = new Object();

    /** The same, for comparison. Guarded by {@link #remapLock}. */
    private List<Mapped> mapped = List.of();

    private record Map(long[] starts, PciBar[] bars) {}

    private record Mapped(PciBar bar, long gpa) implements Comparable<Mapped> {
        @Override
        public int compareTo(Mapped other) {
            return Long.compare(gpa, other.gpa);
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
                List<Mapped> present = new ArrayList<>();
                for (PciFunction function : functions) {
                    if (function != null) {
                        collect(function, present);
                    }
                }
                Collections.sort(present);
                List<Mapped> before = mapped;
                if (present.equals(before)) {
                    return;
                }
                for (Mapped old : before) {
                    if (!present.contains(old)) {
                        old.bar().listener().unmapped(old.gpa());
                    }
                }
                publish(present);
                for (Mapped now : present) {
                    if (!before.contains(now)) {
                        now.bar().listener().mapped(now.gpa());
                    }
                }
            }
        }
    }

    private void publish(List<Mapped> present) {
        long[] starts = new long[present.size()];
        PciBar[] bars = new PciBar[present.size()];
        for (int i = 0; i < bars.length; i++) {
            starts[i] = present.get(i).gpa();
            bars[i] = present.get(i).bar();
        }
        mapped = present;
        map = new Map(starts, bars);
    }

    private void collect(PciFunction function, List<Mapped> present) {
        for (PciBar bar : function.bars()) {
            long gpa = function.addressOf(bar);
            if (gpa == PciFunction.UNMAPPED || !windows.contains(gpa, bar.lengthBytes())) {
                continue;
            }
            boolean free = true;
            for (Mapped other : present) {
                free &= gpa >= other.gpa() + other.bar().lengthBytes() || other.gpa() >= gpa + bar.lengthBytes();
            }
            if (free) {
                present.add(new Mapped(bar, gpa));
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

    /** An access to a window. */
    private final class Window implements BusDevice {
        private final long baseGpa;

        Window(long baseGpa) {
            this.baseGpa = baseGpa;
        }

        @Override
        public long read(long offset, int sizeBytes) {
            Map now = map;
            int index = find(now, baseGpa + offset, sizeBytes);
            return index < 0 ? -1L : now.bars[index].device().read(baseGpa + offset - now.starts[index], sizeBytes);
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            Map now = map;
            int index = find(now, baseGpa + offset, sizeBytes);
            if (index >= 0) {
                now.bars[index].device().write(baseGpa + offset - now.starts[index], sizeBytes, value);
            }
        }

        /** Returns the position of the BAR that holds a whole access, or -1. */
        private int find(Map now, long gpa, int sizeBytes) {
            int found = Arrays.binarySearch(now.starts, gpa);
            int index = found >= 0 ? found : -found - 2;
            if (index < 0) {
                return -1;
            }
            return gpa - now.starts[index] <= now.bars[index].lengthBytes() - sizeBytes ? index : -1;
        }
    }

    /** Returns the GSI of a device's INTA, as {@code _PRT} and the MP table tell the guest. */
    public static int gsiOf(int device) {
        return MachineLayout.PCI_INTX_FIRST_GSI + device % MachineLayout.PCI_INTX_GSIS;
    }
}

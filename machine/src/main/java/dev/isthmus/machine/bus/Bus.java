// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.bus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

import dev.isthmus.device.BusDevice;

/**
 * An address space of devices: the I/O ports or the MMIO addresses of a machine.
 *
 * <p>An access reaches a device only if it lies wholly within the device's range. Everything else is unclaimed: reads
 * give all ones and writes are ignored, as on a PC where no device drives the data lines.
 *
 * <p>Role VCPU. Immutable; any thread, several at once. Accesses allocate nothing.
 */
public final class Bus {
    private final long[] starts;
    private final long[] lengthsBytes;
    private final BusDevice[] devices;

    private Bus(long[] starts, long[] lengthsBytes, BusDevice[] devices) {
        this.starts = starts;
        this.lengthsBytes = lengthsBytes;
        this.devices = devices;
    }

    /**
     * Reads from the device at an address.
     *
     * @param address any value
     * @param sizeBytes 1 to 8
     * @return the value, zero-extended from {@code sizeBytes}
     */
    public long read(long address, int sizeBytes) {
        long mask = -1L >>> (Long.SIZE - sizeBytes * Byte.SIZE);
        int index = find(address, sizeBytes);
        if (index < 0) {
            return mask;
        }
        return devices[index].read(address - starts[index], sizeBytes) & mask;
    }

    /**
     * Writes to the device at an address.
     *
     * @param address any value
     * @param sizeBytes 1 to 8
     * @param value the value, zero-extended from {@code sizeBytes}
     */
    public void write(long address, int sizeBytes, long value) {
        int index = find(address, sizeBytes);
        if (index >= 0) {
            devices[index].write(address - starts[index], sizeBytes, value);
        }
    }

    /** Returns the position of the range that holds a whole access, or -1. */
    private int find(long address, int sizeBytes) {
        int low = 0;
        int high = starts.length - 1;
        // The last range that starts at or below the address: ranges are sorted and disjoint.
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (starts[middle] <= address) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        if (high < 0) {
            return -1;
        }
        long offset = address - starts[high];
        long lengthBytes = lengthsBytes[high];
        return sizeBytes <= lengthBytes && offset <= lengthBytes - sizeBytes ? high : -1;
    }

    /** Collects the ranges of a bus. One thread. */
    public static final class Builder {
        private final List<Range> ranges = new ArrayList<>();

        /**
         * Gives a device a range.
         *
         * @param name what errors call the device
         * @param start first address, not negative
         * @param lengthBytes size of the range, positive
         * @throws IllegalArgumentException if the range is empty, wraps around or overlaps another
         */
        public Builder add(String name, long start, long lengthBytes, BusDevice device) {
            if (start < 0 || lengthBytes <= 0 || start > Long.MAX_VALUE - lengthBytes) {
                throw new IllegalArgumentException(name + " has no valid range: 0x" + Long.toHexString(start)
                        + " + 0x" + Long.toHexString(lengthBytes));
            }
            for (Range other : ranges) {
                if (start < other.start + other.lengthBytes && other.start < start + lengthBytes) {
                    throw new IllegalArgumentException(
                            name + " at 0x" + Long.toHexString(start) + " overlaps " + other.name + " at 0x"
                                    + Long.toHexString(other.start));
                }
            }
            ranges.add(new Range(name, start, lengthBytes, device));
            return this;
        }

        /** Returns the bus; the builder may go on. */
        public Bus build() {
            Range[] sorted = ranges.toArray(new Range[0]);
            Arrays.sort(sorted, new ByStart());
            long[] starts = new long[sorted.length];
            long[] lengthsBytes = new long[sorted.length];
            BusDevice[] devices = new BusDevice[sorted.length];
            for (int i = 0; i < sorted.length; i++) {
                starts[i] = sorted[i].start;
                lengthsBytes[i] = sorted[i].lengthBytes;
                devices[i] = sorted[i].device;
            }
            return new Bus(starts, lengthsBytes, devices);
        }
    }

    private record Range(String name, long start, long lengthBytes, BusDevice device) {}

    /** A class and not a lambda, which would be spun while a VM starts. */
    private static final class ByStart implements Comparator<Range> {
        @Override
        public int compare(Range a, Range b) {
            return Long.compare(a.start, b.start);
        }
    }
}

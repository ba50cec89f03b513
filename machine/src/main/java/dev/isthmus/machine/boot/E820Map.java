// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.util.Arrays;
import java.util.List;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * The guest's physical memory map, as both {@code boot_params} and {@code hvm_start_info} carry it; the types are
 * those of ACPI 6.5, table 15.4, and the same in both. Entries ascend and do not overlap. Immutable.
 *
 * <pre>
 *  0x0000_0000  RAM       up to the EBDA
 *  0x0009_fc00  reserved  EBDA
 *  0x000e_0000  ACPI      RSDP and tables; reserved on a machine without ACPI
 *  0x000f_e000  reserved  MP table of many CPUs
 *  0x0010_0000  RAM       up to 3 GiB at most
 *  0xe000_0000  reserved  PCI configuration space, whether there is any or not
 *  0xfffb_c000  reserved  pages that KVM keeps for itself
 * 0x1_0000_0000 RAM       the rest
 * </pre>
 */
final class E820Map {
    /** AddressRangeMemory. */
    static final int TYPE_RAM = 1;

    /** AddressRangeReserved. */
    static final int TYPE_RESERVED = 2;

    /** AddressRangeACPI: tables, which the kernel may take over once it has read them. */
    static final int TYPE_ACPI = 3;

    /** Identity map and TSS, see {@link MachineLayout}: one page and three. */
    private static final long KVM_PAGES_LENGTH_BYTES = 4 * 4096;

    private long[] starts = new long[8];
    private long[] lengths = new long[8];
    private int[] types = new int[8];
    private int size;

    private E820Map() {}

    /**
     * Computes the map of a machine.
     *
     * @param lowRamBytes RAM from address 0, at least 1 MiB and at most {@link MachineLayout#LOW_RAM_END_GPA}
     * @param highRamBytes RAM from {@link MachineLayout#HIGH_RAM_GPA}, 0 or more
     * @param acpi whether the machine has ACPI tables
     */
    static E820Map of(long lowRamBytes, long highRamBytes, boolean acpi) {
        if (lowRamBytes < MachineLayout.HIGH_MEMORY_GPA
                || lowRamBytes > MachineLayout.LOW_RAM_END_GPA
                || highRamBytes < 0
                || highRamBytes > Long.MAX_VALUE - MachineLayout.HIGH_RAM_GPA) {
            throw new IllegalArgumentException("RAM out of range");
        }
        E820Map map = new E820Map();
        map.addStart(lowRamBytes, acpi);
        map.add(MachineLayout.HIGH_RAM_GPA, highRamBytes, TYPE_RAM);
        return map;
    }

    /** Computes the map of a machine with the given RAM, which has at least 1 MiB at address 0. */
    static E820Map of(GuestMemory memory, long lowRamBytes, boolean acpi) {
        E820Map map = new E820Map();
        map.addStart(lowRamBytes, acpi);
        List<MemoryRegion> regions = memory.regions();
        for (int i = 0; i < regions.size(); i++) {
            MemoryRegion region = regions.get(i);
            if (region.startGpa() >= MachineLayout.HIGH_RAM_GPA) {
                map.add(region.startGpa(), region.lengthBytes(), TYPE_RAM);
            }
        }
        return map;
    }

    private void addStart(long lowRamBytes, boolean acpi) {
        add(0, MachineLayout.EBDA_GPA, TYPE_RAM);
        add(MachineLayout.EBDA_GPA, MachineLayout.EBDA_LENGTH_BYTES, TYPE_RESERVED);
        add(MachineLayout.ACPI_RSDP_GPA, MachineLayout.ACPI_LENGTH_BYTES, acpi ? TYPE_ACPI : TYPE_RESERVED);
        add(
                MachineLayout.MP_CONFIG_GPA,
                MachineLayout.HIGH_MEMORY_GPA - MachineLayout.MP_CONFIG_GPA,
                TYPE_RESERVED);
        add(MachineLayout.HIGH_MEMORY_GPA, lowRamBytes - MachineLayout.HIGH_MEMORY_GPA, TYPE_RAM);
        add(MachineLayout.PCI_ECAM_GPA, MachineLayout.PCI_ECAM_LENGTH_BYTES, TYPE_RESERVED);
        add(MachineLayout.KVM_IDENTITY_MAP_GPA, KVM_PAGES_LENGTH_BYTES, TYPE_RESERVED);
    }

    private void add(long startGpa, long lengthBytes, int type) {
        if (lengthBytes == 0) {
            return;
        }
        if (size == starts.length) {
            starts = Arrays.copyOf(starts, 2 * size);
            lengths = Arrays.copyOf(lengths, 2 * size);
            types = Arrays.copyOf(types, 2 * size);
        }
        starts[size] = startGpa;
        lengths[size] = lengthBytes;
        types[size] = type;
        size++;
    }

    /**
     * Writes an entry as both boot protocols have it ({@code struct boot_e820_entry}, {@code
     * hvm_memmap_table_entry}): address, size and type, 20 bytes.
     */
    void putEntry(byte[] target, int at, int index) {
        LittleEndian.put64(target, at, starts[index]);
        LittleEndian.put64(target, at + 8, lengths[index]);
        LittleEndian.put32(target, at + 16, types[index]);
    }

    /** Returns the number of entries. */
    int size() {
        return size;
    }

    /** Returns the first guest physical address of an entry. */
    long startGpa(int index) {
        return starts[index];
    }

    /** Returns the size of an entry, at least 1. */
    long lengthBytes(int index) {
        return lengths[index];
    }

    /** Returns the type of an entry: {@link #TYPE_RAM}, {@link #TYPE_RESERVED} or {@link #TYPE_ACPI}. */
    int type(int index) {
        return types[index];
    }
}

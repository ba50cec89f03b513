// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.HostMapping;
import dev.isthmus.kvm.linux.Memfd;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.memory.Scatters;

/**
 * A guest's RAM on the host: one memfd, mapped once, as one region from address 0 or two around the hole below 4 GiB.
 *
 * <p>The memfd can be handed to other processes. Pages come from the host as they are touched, so that sizes beyond the
 * host's free memory are possible; core dumps leave them out.
 *
 * <p>Any thread. {@link #close} comes last: KVM and devices must not use it any more.
 */
public final class GuestRam implements AutoCloseable {
    private static final long PAGE_BYTES = 4096;
    private static final long HUGE_PAGE_BYTES = 2 << 20;

    private final Memfd memfd;
    private final HostMapping mapping;
    private final GuestMemory memory;
    private final long pageBytes;

    private GuestRam(Memfd memfd, HostMapping mapping, GuestMemory memory, long pageBytes) {
        this.memfd = memfd;
        this.mapping = mapping;
        this.memory = memory;
        this.pageBytes = pageBytes;
    }

    /**
     * Allocates RAM, all zeroes.
     *
     * @param name what {@code /proc} shows for it
     * @param lengthBytes at least 1 MiB; rounded up to whole pages
     * @throws VmException.Configuration if the size makes no sense
     * @throws VmException.HostUnsupported if the host has no huge pages and they are asked for
     * @throws VmException.HostFault if the host has no memory left
     */
    public static GuestRam allocate(String name, long lengthBytes, MemoryConfig config) {
        long pageBytes = config.hugePages() ? HUGE_PAGE_BYTES : PAGE_BYTES;
        checkSize(lengthBytes, pageBytes);
        long roundedBytes = (lengthBytes + pageBytes - 1) / pageBytes * pageBytes;
        Memfd memfd = null;
        HostMapping mapping = null;
        try {
            memfd = Memfd.create(name, roundedBytes, config.hugePages() ? HUGE_PAGE_BYTES : Memfd.DEFAULT_PAGES);
            mapping = HostMapping.shared(memfd.fd(), 0, roundedBytes);
            mapping.excludeFromDumps();
            if (config.prefault()) {
                mapping.populate();
            }
            return new GuestRam(memfd, mapping, regions(mapping), pageBytes);
        } catch (ErrnoException e) {
            if (mapping != null) {
                mapping.close();
            }
            if (memfd != null) {
                memfd.close();
            }
            throw explain(e, roundedBytes, config);
        }
    }

    private static void checkSize(long lengthBytes, long pageBytes) {
        if (lengthBytes < MachineLayout.HIGH_MEMORY_GPA) {
            throw new VmException.Configuration(
                    "A guest can't live in " + lengthBytes + " bytes of memory.", "Give it 1 MiB at least.");
        }
        if (lengthBytes > Long.MAX_VALUE - MachineLayout.HIGH_RAM_GPA - pageBytes) {
            throw new VmException.Configuration(
                    "No machine has " + lengthBytes + " bytes of memory.", "Give the guest what the host can spare.");
        }
    }

    private static GuestMemory regions(HostMapping mapping) {
        long lengthBytes = mapping.lengthBytes();
        if (lengthBytes <= MachineLayout.LOW_RAM_END_GPA) {
            return GuestMemory.of(new MemoryRegion(0, mapping.segment()));
        }
        long highBytes = lengthBytes - MachineLayout.LOW_RAM_END_GPA;
        return GuestMemory.of(
                new MemoryRegion(0, mapping.segment().asSlice(0, MachineLayout.LOW_RAM_END_GPA)),
                new MemoryRegion(
                        MachineLayout.HIGH_RAM_GPA,
                        mapping.segment().asSlice(MachineLayout.LOW_RAM_END_GPA, highBytes)));
    }

    private static VmException explain(ErrnoException e, long lengthBytes, MemoryConfig config) {
        long mebibytes = lengthBytes >> 20;
        if (config.hugePages()) {
            String remedy = "Reserve them: sysctl vm.nr_hugepages=" + lengthBytes / HUGE_PAGE_BYTES
                    + " (and more for other programs).";
            return e.errno() == Errno.ENOMEM
                    ? new VmException.HostFault(
                            "The host has not enough huge pages free for " + mebibytes + " MiB.", remedy, e)
                    : new VmException.HostUnsupported(
                            "The host offers no huge pages of 2 MiB: " + e.getMessage(), remedy, e);
        }
        return HostFaults.of("The host can't provide " + mebibytes + " MiB of memory", e);
    }

    /** Returns the RAM by guest physical address. */
    public GuestMemory memory() {
        return memory;
    }

    /** Returns the size of the host's pages that it is made of, in bytes. */
    long pageBytes() {
        return pageBytes;
    }

    /** Returns how much there is, in bytes. */
    long lengthBytes() {
        return mapping.lengthBytes();
    }

    /** Makes all of it zero and gives the pages back to the host. No vCPU may be running. */
    void zero() {
        try {
            mapping.discard(0, mapping.lengthBytes());
        } catch (ErrnoException e) {
            // A kernel without hole punching for this kind of memory: the long way.
            Scatters.zero(mapping.segment(), 0, mapping.lengthBytes());
        }
    }

    /** Unmaps and frees the memory. Idempotent. */
    @Override
    public void close() {
        mapping.close();
        memfd.close();
    }
}

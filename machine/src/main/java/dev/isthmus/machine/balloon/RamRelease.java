// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.balloon;

import java.lang.foreign.MemorySegment;

import dev.isthmus.device.FaultLog;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.SharedPages;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.virtio.balloon.BalloonMemory;

/**
 * Gives pages of guest RAM back by making holes in the memfd behind it (MADV_REMOVE). Forgetting the pages of the mapping
 * (MADV_DONTNEED) would not do: the memfd would keep them.
 *
 * <p>KVM drops its own mappings of them meanwhile. A page that the guest touches again is a new one, of zeroes.
 *
 * <p>Loop thread; the RAM must stay allocated as long as the device may be used.
 */
public final class RamRelease implements BalloonMemory {
    private final MemoryRegion[] ram;
    private final long pageBytes;
    private final FaultLog faults;

    /**
     * Releases pages of a guest's RAM and of nothing else.
     *
     * @param ram all of a {@link dev.isthmus.machine.GuestRam}; mapped images, which devices may see as memory, too, are no
     *     part of it
     * @param pageBytes the size of the host's pages that it is made of
     * @param name how log messages call the device, such as "virtio-balloon"
     */
    public RamRelease(GuestMemory ram, long pageBytes, String name) {
        this.ram = ram.regions().toArray(new MemoryRegion[0]);
        this.pageBytes = pageBytes;
        this.faults = new FaultLog(name);
    }

    @Override
    public long pageBytes() {
        return pageBytes;
    }

    @Override
    public boolean release(MemorySegment segment, long offset, long lengthBytes) {
        if (!isRam(segment, offset, lengthBytes)) {
            return false;
        }
        long result = SharedPages.remove(segment, offset, lengthBytes);
        if (result < 0) {
            faults.report("the host does not take memory back: madvise " + Errno.text((int) -result));
            return false;
        }
        return true;
    }

    private boolean isRam(MemorySegment segment, long offset, long lengthBytes) {
        long startHva = segment.address() + offset;
        for (MemoryRegion region : ram) {
            long regionOffset = startHva - region.segment().address();
            if (regionOffset >= 0 && regionOffset <= region.lengthBytes() - lengthBytes) {
                return true;
            }
        }
        return false;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Memory slots and their dirty log. */
@RequiresKvm
class DirtyLogIT {
    private static RealModeGuest logged() {
        return RealModeGuest.withSlotFlags(
                VmFd.KVM_MEM_LOG_DIRTY_PAGES,
                "a2 00 30", // mov [0x3000], al
                "a2 ff 5f", // mov [0x5fff], al
                "f4"); // hlt
    }

    @Test
    void writtenPagesAreInTheLogOnce() {
        try (RealModeGuest guest = logged()) {
            MemorySegment bitmap = guest.arena().allocate(VmFd.dirtyLogBytes(RealModeGuest.RAM_BYTES), 8);
            guest.vm().getDirtyLog(0, bitmap);
            assertEquals(0, guest.vcpu().run());

            guest.vm().getDirtyLog(0, bitmap);
            assertEquals(1 << 3 | 1 << 5, bitmap.get(ValueLayout.JAVA_LONG, 0));

            guest.vm().getDirtyLog(0, bitmap);
            assertEquals(0, bitmap.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    @Test
    void bitmapOfTheWrongKindIsRefusedBeforeTheKernelWritesToIt() {
        try (RealModeGuest guest = logged()) {
            MemorySegment small = guest.arena().allocate(7);
            MemorySegment heap = MemorySegment.ofArray(new long[1]);

            assertThrows(IllegalArgumentException.class, () -> guest.vm().getDirtyLog(0, small));
            assertThrows(IllegalArgumentException.class, () -> guest.vm().getDirtyLog(0, heap));
        }
    }

    @Test
    void slotWithoutALogHasNone() {
        try (RealModeGuest guest = RealModeGuest.bare("f4")) { // hlt
            MemorySegment bitmap = guest.arena().allocate(8, 8);

            ErrnoException e = assertThrows(ErrnoException.class, () -> guest.vm().getDirtyLog(0, bitmap));

            assertEquals("KVM_GET_DIRTY_LOG(slot 0): ENOENT (No such file or directory)", e.getMessage());
        }
    }

    @Test
    void logHasABitAPageInWholeWords() {
        assertEquals(8, VmFd.dirtyLogBytes(4096));
        assertEquals(8, VmFd.dirtyLogBytes(64 * 4096));
        assertEquals(16, VmFd.dirtyLogBytes(65 * 4096));
        assertEquals(0, VmFd.dirtyLogBytes(0));
    }

    @Test
    void overlappingSlotIsRefusedWithItsNumbers() {
        try (RealModeGuest guest = RealModeGuest.bare("f4")) { // hlt
            long hva = guest.ram().address();

            ErrnoException e =
                    assertThrows(
                            ErrnoException.class,
                            () -> guest.vm().setUserMemoryRegion(1, 0, 0x1000, 0x1000, hva));

            assertEquals(Errno.EEXIST, e.errno());
            assertEquals(
                    "KVM_SET_USER_MEMORY_REGION(slot 1, flags 0, guest_phys_addr 0x1000, memory_size 0x1000):"
                            + " EEXIST (File exists)",
                    e.getMessage());
        }
    }

    @Test
    void removedSlotLeavesNoMemory() {
        try (RealModeGuest guest = RealModeGuest.bare("a0 00 10")) { // mov al, [0x1000]
            long hva = guest.ram().address();
            guest.vm().setUserMemoryRegion(1, 0, 0x10_0000, 0x1000, hva);

            guest.vm().setUserMemoryRegion(1, 0, 0x10_0000, 0, hva);

            guest.vm().setUserMemoryRegion(2, 0, 0x10_0000, 0x1000, hva);
        }
    }
}

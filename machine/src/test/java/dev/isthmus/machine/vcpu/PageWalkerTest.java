// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import org.junit.jupiter.api.Test;

import dev.isthmus.machine.accel.CpuRegisters.Control;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;

class PageWalkerTest {
    private static final long ROOT = 0x1000;
    private static final long PRESENT = 1;
    private static final long LARGE = 1 << 7;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(1 << 20);

    private static Control control(long cr0, long cr4, long efer) {
        return new Control(cr0, 0, ROOT, cr4, 0, efer, 0);
    }

    private PageWalker longMode(long cr4) {
        return new PageWalker(
                memory, control(Control.CR0_PE | Control.CR0_PG, Control.CR4_PAE | cr4, Control.EFER_LMA));
    }

    @Test
    void withoutPagingAddressesAreTheirOwn() {
        PageWalker walker = new PageWalker(memory, control(Control.CR0_PE, 0, 0));

        assertEquals(0xfeed_beefL, walker.translate(0xfeed_beefL));
    }

    @Test
    void fourLevelsLeadToA4KibPage() {
        long linear = 0xffff_8123_4567_8abcL;
        memory.writeU64(ROOT + ((linear >>> 39) & 0x1ff) * 8, 0x2000 | PRESENT);
        memory.writeU64(0x2000 + ((linear >>> 30) & 0x1ff) * 8, 0x3000 | PRESENT);
        memory.writeU64(0x3000 + ((linear >>> 21) & 0x1ff) * 8, 0x4000 | PRESENT);
        memory.writeU64(0x4000 + ((linear >>> 12) & 0x1ff) * 8, 0x8000_0000_000a_b000L | PRESENT);

        assertEquals(0xababcL, longMode(0).translate(linear));
        assertEquals(PageWalker.NOT_MAPPED, longMode(0).translate(linear + 0x1000));
    }

    @Test
    void fiveLevelsStartOneTableHigher() {
        memory.writeU64(ROOT, 0x2000 | PRESENT);
        memory.writeU64(0x2000, 0x3000 | PRESENT);
        memory.writeU64(0x3000, 0x4000_0000L | PRESENT | LARGE);

        assertEquals(0x4000_1234L, longMode(Control.CR4_LA57).translate(0x1234));
    }

    @Test
    void largePagesEndTheWalkEarly() {
        memory.writeU64(ROOT, 0x2000 | PRESENT);
        memory.writeU64(0x2000, 0x3000 | PRESENT);
        memory.writeU64(0x2000 + 8, 0x8000_0000L | PRESENT | LARGE);
        memory.writeU64(0x3000 + 8, 0x60_0000 | PRESENT | LARGE);

        assertEquals(0x61_2345L, longMode(0).translate(0x21_2345L));
        assertEquals(0x9234_5678L, longMode(0).translate(0x5234_5678L));
    }

    @Test
    void paeHasFourPointersAndTwoLevels() {
        PageWalker walker =
                new PageWalker(memory, control(Control.CR0_PE | Control.CR0_PG, Control.CR4_PAE, 0));
        memory.writeU64(ROOT + 3 * 8, 0x2000 | PRESENT);
        memory.writeU64(0x2000, 0x3000 | PRESENT);
        memory.writeU64(0x3000 + 5 * 8, 0x7000 | PRESENT);

        assertEquals(0x7abcL, walker.translate(0xc000_5abcL));
        assertEquals(PageWalker.NOT_MAPPED, walker.translate(0x5abcL));
    }

    @Test
    void legacyPagingHasEntriesOf32Bits() {
        PageWalker walker =
                new PageWalker(memory, control(Control.CR0_PE | Control.CR0_PG, Control.CR4_PSE, 0));
        memory.writeU32(ROOT + 0x300 * 4, 0x2000 | PRESENT);
        memory.writeU32(0x2000 + 0x12 * 4, 0x9000 | PRESENT);
        memory.writeU32(ROOT + 0x301 * 4, 0x0040_0000L | (1 << 13) | PRESENT | LARGE);

        assertEquals(0x9345L, walker.translate(0xc001_2345L));
        assertEquals(0x1_0041_2345L, walker.translate(0xc041_2345L));
        assertEquals(PageWalker.NOT_MAPPED, walker.translate(0));
    }

    @Test
    void tablesOutsideRamMapNothing() {
        memory.writeU64(ROOT, 0x000f_ffff_ffff_f000L | PRESENT);

        assertEquals(PageWalker.NOT_MAPPED, longMode(0).translate(0));
    }
}

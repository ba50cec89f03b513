// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.generated.Linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The structs as flyweights: fields, entries, bounds. */
class KvmStructTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    @Test
    void fieldsLieWhereTheHeaderHasThem() {
        KvmSregs sregs = new KvmSregs(arena);

        sregs.cs().selector(0x1234);
        sregs.gdt().limit(0xffff);
        sregs.apicBase(0xfee0_0900L);

        assertEquals(0x1234, sregs.segment().get(ValueLayout.JAVA_SHORT, 12));
        assertEquals(0xffff, sregs.gdt().limit());
        long apicBaseOffset = Linux.OFFSETOF_kvm_sregs_apic_base();
        assertEquals(0xfee0_0900L, sregs.segment().get(ValueLayout.JAVA_LONG, apicBaseOffset));
        assertEquals(Linux.SIZEOF_kvm_sregs(), sregs.lengthBytes());
    }

    @Test
    void narrowFieldsRefuseWhatDoesNotFit() {
        KvmSregs sregs = new KvmSregs(arena);

        assertThrows(IllegalArgumentException.class, () -> sregs.cs().type(0x100));
        assertThrows(IllegalArgumentException.class, () -> sregs.cs().selector(-1));
    }

    @Test
    void segmentCopiesFromAnotherVcpusSregs() {
        KvmSregs from = new KvmSregs(arena);
        KvmSregs to = new KvmSregs(arena);
        from.ds().base(0x1000);
        from.ds().limit(-1);

        to.ss().copyFrom(from.ds());

        assertEquals(0x1000, to.ss().base());
        assertEquals(-1, to.ss().limit());
        assertEquals(0, to.tr().base());
    }

    @Test
    void copyOfRegistersHasTheirValues() {
        KvmRegs from = new KvmRegs(arena);
        from.rip(0x1234);
        KvmRegs to = new KvmRegs(arena);

        to.copyFrom(from);

        assertEquals(0x1234, to.rip());
    }

    @Test
    void structOfFreedMemoryIsNotPassedToTheKernel() {
        KvmRegs regs;
        try (Arena closed = Arena.ofConfined()) {
            regs = new KvmRegs(closed);
        }

        assertThrows(IllegalStateException.class, regs::address);
    }

    @Test
    void cpuidEntryIsFoundByFunctionAndSignificantIndex() {
        CpuidTable table = new CpuidTable(arena, 4);
        table.add(1, 0, 0);
        table.add(4, 0, CpuidTable.KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
        int second = table.add(4, 1, CpuidTable.KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
        table.set(second, 1, 2, 3, 4);

        assertEquals(0, table.find(1, 7), "the index of leaf 1 does not matter");
        assertEquals(second, table.find(4, 1));
        assertEquals(-1, table.find(4, 2));
        assertEquals(4, table.edx(second));
    }

    @Test
    void cpuidEntryCopiedFromAnotherTableHasItsAnswer() {
        CpuidTable from = new CpuidTable(arena, 1);
        from.set(from.add(7, 1, 1), 0x10, 0x20, 0x30, 0x40);
        CpuidTable to = new CpuidTable(arena, 2);

        int entry = to.add(from, 0);

        assertEquals(7, to.function(entry));
        assertEquals(1, to.index(entry));
        assertEquals(0x20, to.ebx(entry));
    }

    @Test
    void fullTablesTakeNoMoreEntries() {
        CpuidTable table = new CpuidTable(arena, 1);
        table.add(0, 0, 0);
        MsrList msrs = new MsrList(arena, 1);
        msrs.add(0x10, 0);
        KvmIrqRouting routing = new KvmIrqRouting(arena, 1);
        routing.addPin(0, KvmIrqchip.KVM_IRQCHIP_IOAPIC, 2);

        assertThrows(IndexOutOfBoundsException.class, () -> table.add(1, 0, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> msrs.add(0x11, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> routing.addMsi(1, 0, 0));
    }

    @Test
    void entriesThatAreNotThereCannotBeRead() {
        CpuidTable table = new CpuidTable(arena, 2);
        MsrList msrs = new MsrList(arena, 2);

        assertThrows(IndexOutOfBoundsException.class, () -> table.eax(0));
        assertThrows(IndexOutOfBoundsException.class, () -> msrs.data(0));
    }

    @Test
    void capacityOutOfRangeIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new CpuidTable(arena, 0));
        assertThrows(IllegalArgumentException.class, () -> new CpuidTable(arena, 257));
        assertThrows(IllegalArgumentException.class, () -> new MsrList(arena, Integer.MAX_VALUE));
    }

    @Test
    void msrIndexListFindsWhatItHolds() {
        MsrIndexList list = new MsrIndexList(arena, 2);
        list.segment().set(ValueLayout.JAVA_INT, 0, 1);
        list.segment().set(ValueLayout.JAVA_INT, 4, 0x10);

        assertTrue(list.contains(0x10));
        assertFalse(list.contains(0));
    }
}

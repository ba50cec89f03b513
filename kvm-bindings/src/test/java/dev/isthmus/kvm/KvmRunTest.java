// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.HostMapping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The page as the kernel would fill it, and as it never should. */
class KvmRunTest {
    private static final int PIO_DATA_OFFSET = 4096;

    private final HostMapping mapping = HostMapping.anonymous(8192);
    private final MemorySegment page = mapping.segment();
    private final KvmRun kvmRun = new KvmRun(mapping);

    @AfterEach
    void unmap() {
        mapping.close();
    }

    private void io(int size, int count, long dataOffset) {
        page.set(ValueLayout.JAVA_BYTE, Linux.OFFSETOF_kvm_run_io_size(), (byte) size);
        page.set(ValueLayout.JAVA_INT, Linux.OFFSETOF_kvm_run_io_count(), count);
        page.set(ValueLayout.JAVA_LONG, Linux.OFFSETOF_kvm_run_io_data_offset(), dataOffset);
    }

    @ParameterizedTest
    @CsvSource({"1, 0xff", "2, 0xffff", "4, -1"})
    void ioDataIsZeroExtendedFromItsWidth(int size, String expected) {
        io(size, 1, PIO_DATA_OFFSET);
        page.asSlice(PIO_DATA_OFFSET, 16).fill((byte) 0xff);

        assertEquals(Integer.decode(expected), kvmRun.ioData(0));
    }

    @Test
    void ioDataOfStringInstructionLieOneAfterTheOther() {
        io(2, 3, PIO_DATA_OFFSET);

        kvmRun.ioData(0, 0x1111);
        kvmRun.ioData(2, 0x3333);

        assertEquals(0x1111, page.get(ValueLayout.JAVA_SHORT, PIO_DATA_OFFSET));
        assertEquals(0, page.get(ValueLayout.JAVA_SHORT, PIO_DATA_OFFSET + 2));
        assertEquals(0x3333, page.get(ValueLayout.JAVA_SHORT, PIO_DATA_OFFSET + 4));
    }

    @Test
    void ioDataBeyondTheCountThrows() {
        io(1, 2, PIO_DATA_OFFSET);

        assertThrows(IndexOutOfBoundsException.class, () -> kvmRun.ioData(2));
        assertThrows(IndexOutOfBoundsException.class, () -> kvmRun.ioData(-1));
    }

    @Test
    void ioDataOutsideTheMappingThrows() {
        io(4, 2, 8190);
        assertThrows(IndexOutOfBoundsException.class, () -> kvmRun.ioData(0));
        io(4, 2, Long.MAX_VALUE);
        assertThrows(ArithmeticException.class, () -> kvmRun.ioData(0));
    }

    @Test
    void ioDataOfAnImpossibleWidthThrows() {
        io(3, 1, PIO_DATA_OFFSET);

        assertThrows(IllegalStateException.class, () -> kvmRun.ioData(0));
        assertThrows(IllegalStateException.class, () -> kvmRun.ioData(0, 1));
    }

    @Test
    void immediateExitIsTheSecondByte() {
        kvmRun.immediateExit(true);
        assertEquals(1, page.get(ValueLayout.JAVA_BYTE, 1));
        assertTrue(kvmRun.immediateExit());

        kvmRun.immediateExit(false);
        assertEquals(0, page.get(ValueLayout.JAVA_BYTE, 1));
        assertFalse(kvmRun.immediateExit());
    }

    @Test
    void mmioFieldsAreWhereTheHeaderHasThem() {
        page.set(ValueLayout.JAVA_LONG, Linux.OFFSETOF_kvm_run_mmio_phys_addr(), 0xfee0_0000L);
        page.set(ValueLayout.JAVA_INT, Linux.OFFSETOF_kvm_run_mmio_len(), 8);
        page.set(ValueLayout.JAVA_BYTE, Linux.OFFSETOF_kvm_run_mmio_is_write(), (byte) 1);

        kvmRun.mmioData(0x1122_3344_5566_7788L);

        assertEquals(0xfee0_0000L, kvmRun.mmioPhysAddr());
        assertEquals(8, kvmRun.mmioLen());
        assertTrue(kvmRun.mmioIsWrite());
        assertEquals((byte) 0x88, page.get(ValueLayout.JAVA_BYTE, Linux.OFFSETOF_kvm_run_mmio_data()));
        assertEquals(0x1122_3344_5566_7788L, kvmRun.mmioData());
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "4, 4", "16, 16", "17, 16", "-1, 16"})
    void countsOfDataWordsAreBounded(int ndata, int expected) {
        page.set(ValueLayout.JAVA_INT, Linux.OFFSETOF_kvm_run_internal_ndata(), ndata);

        assertEquals(expected, kvmRun.internalNdata());
        assertEquals(expected, kvmRun.systemEventNdata());
    }

    @Test
    void instructionBytesAreThereOnlyWithTheirFlag() {
        page.set(ValueLayout.JAVA_INT, Linux.OFFSETOF_kvm_run_internal_ndata(), 3);
        page.set(ValueLayout.JAVA_BYTE, Linux.OFFSETOF_kvm_run_emulation_failure_insn_size(), (byte) 200);
        page.set(ValueLayout.JAVA_BYTE, Linux.OFFSETOF_kvm_run_emulation_failure_insn_bytes(), (byte) 0xcc);

        assertEquals(0, kvmRun.emulationFailureInsnSize());

        page.set(ValueLayout.JAVA_LONG, Linux.OFFSETOF_kvm_run_emulation_failure_flags(), 1);
        assertEquals(15, kvmRun.emulationFailureInsnSize());
        assertEquals(0xcc, kvmRun.emulationFailureInsnByte(0));
    }
}

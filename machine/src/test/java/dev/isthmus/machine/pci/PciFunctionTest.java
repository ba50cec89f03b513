// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.IrqLine;
import dev.isthmus.testing.device.FakeIrqLine;
import dev.isthmus.testing.machine.FakeAccelerator;

import static dev.isthmus.machine.pci.PciConfigSpace.COMMAND;
import static dev.isthmus.machine.pci.PciConfigSpace.COMMAND_INTX_DISABLE;
import static dev.isthmus.machine.pci.PciConfigSpace.COMMAND_MASTER;
import static dev.isthmus.machine.pci.PciConfigSpace.COMMAND_MEMORY;
import static dev.isthmus.machine.pci.PciConfigSpace.STATUS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Configuration space by the clauses of PCI 3.0, chapter 6. */
class PciFunctionTest {
    private static final int BAR = 0x10;
    private static final long BAR_BYTES = 0x8000;
    private static final int MSIX_VECTORS = 2;

    private final FakeAccelerator accelerator = new FakeAccelerator();
    private final FakeIrqLine controller = new FakeIrqLine();
    private final Msix msix = new Msix(accelerator, MSIX_VECTORS, "test");
    private final PciFunction function = new PciFunction(0x1af4, 0x1042, 0x01_00_00, 1, 0x1100);
    private final IrqLine line = function.connectLine(controller, 10);
    private final Registers registers = new Registers();
    private final List<Boolean> master = new ArrayList<>();
    private final int msixOffset;
    private final int windowOffset;
    private int barChanges;

    PciFunctionTest() {
        function.addBar(new PciBar(0, BAR_BYTES, registers, new IgnoredPlace()));
        function.addMsix(msix, msix.capability(0, 0x4000, 0x7000));
        byte[] window = new byte[20];
        window[0] = 9;
        window[2] = 20;
        window[3] = 5;
        function.addConfigWindow(window, registers, 0x1000);
        function.addExpress();
        function.setMasterListener(master::add);
        function.placeBar(function.bars().getFirst(), 0xc000_0000L);
        function.seal(() -> barChanges++);
        msixOffset = capability(0x11);
        windowOffset = capability(0x09);
    }

    /** Four bytes at the start, which hold what is written; notes the accesses. */
    private static final class Registers implements BusDevice {
        final List<String> accesses = new ArrayList<>();
        long content;

        @Override
        public long read(long offset, int sizeBytes) {
            accesses.add("read " + offset + " " + sizeBytes);
            return content;
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            accesses.add("write " + offset + " " + sizeBytes + " " + value);
        }
    }

    private static final class IgnoredPlace implements PciBar.Listener {
        @Override
        public void mapped(long gpa) {}

        @Override
        public void unmapped() {}
    }

    private int capability(int id) {
        int offset = (int) read(0x34, 1);
        while (offset != 0 && read(offset, 1) != id) {
            offset = (int) read(offset + 1, 1);
        }
        assertTrue(offset >= 0x40, "capability " + id);
        assertEquals(0, offset % 4);
        return offset;
    }

    private long read(int offset, int sizeBytes) {
        return function.readConfig(offset, sizeBytes);
    }

    private void write(int offset, int sizeBytes, long value) {
        function.writeConfig(offset, sizeBytes, value);
    }

    // 6.1, 6.2: the header.

    @Test
    void headerIdentifiesTheFunction() {
        assertEquals(0x1042_1af4L, read(0, 4));
        assertEquals(0x0100_0001L, read(8, 4), "class and revision");
        assertEquals(0, read(0x0e, 1), "type 0, one function");
        assertEquals(0x1100_1af4L, read(0x2c, 4), "subsystem");
        assertEquals(0x10, read(STATUS, 2), "capabilities");
        assertEquals(10, read(0x3c, 1), "interrupt line");
        assertEquals(1, read(0x3d, 1), "INTA");
    }

    @Test
    void onlyWhatIsMeantToCanBeWritten() {
        byte[] before = new byte[4096];
        for (int i = 0; i < before.length; i++) {
            before[i] = (byte) read(i, 1);
        }
        for (int i = 0; i < before.length; i += 4) {
            write(i, 4, 0xffff_ffffL);
        }

        List<Integer> changed = new ArrayList<>();
        for (int i = 0; i < before.length; i++) {
            if (before[i] != (byte) read(i, 1)) {
                changed.add(i);
            }
        }
        List<Integer> expected = new ArrayList<>(List.of(0x04, 0x05, 0x0c, 0x11, 0x12, 0x13));
        expected.addAll(List.of(0x14, 0x15, 0x16, 0x17, 0x3c, msixOffset + 3, windowOffset + 4));
        for (int i = 8; i < 20; i++) {
            expected.add(windowOffset + i);
        }
        assertEquals(expected, changed);
        assertEquals(COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_DISABLE, read(COMMAND, 2));
        assertEquals(0xc001, read(msixOffset + 2, 2), "enable, function mask, table size");
    }

    @ParameterizedTest
    @CsvSource({"-1, 4", "4093, 4", "4096, 1", "4089, 8", "0x7fffffff, 4"})
    void accessesBeyondTheSpaceReadAsAllOnesAndWriteNothing(String offset, int sizeBytes) {
        function.writeConfig(Long.decode(offset), sizeBytes, 0);

        assertEquals(-1L, function.readConfig(Long.decode(offset), sizeBytes));
    }

    @Test
    void accessesMayHaveAnyWidthAndAlignment() {
        assertEquals(0x0000_0000_1042_1af4L | 0x10L << 48, read(0, 8));
        assertEquals(0x42_1a, read(1, 2));
        assertEquals(0x10_421a, read(1, 3));

        write(COMMAND + 1, 1, COMMAND_INTX_DISABLE >> 8);
        assertEquals(COMMAND_INTX_DISABLE, read(COMMAND, 2));
    }

    // 6.2.5: base addresses.

    @Test
    void barTellsItsSizeWhereAllOnesAreWrittenToBothHalves() {
        write(BAR, 4, 0xffff_ffffL);
        write(BAR + 4, 4, 0xffff_ffffL);

        assertEquals(0xffff_8004L, read(BAR, 4), "64 bits wide, not prefetchable, 32 KiB");
        assertEquals(0xffff_ffffL, read(BAR + 4, 4));
        for (int i = 2; i < 6; i++) {
            write(BAR + 4 * i, 4, 0xffff_ffffL);
            assertEquals(0, read(BAR + 4 * i, 4), "BAR " + i);
        }
        assertEquals(0, read(0x30, 4), "no expansion ROM");
    }

    @Test
    void barAnswersWhereItIsWhileMemoryAccessesAreOn() {
        PciBar bar = function.bars().getFirst();
        assertEquals(PciFunction.UNMAPPED, function.addressOf(bar));

        write(COMMAND, 2, COMMAND_MEMORY);
        assertEquals(0xc000_0000L, function.addressOf(bar));
        write(BAR, 8, 0x4_0001_2345L);
        assertEquals(0x4_0001_0000L, function.addressOf(bar));
        assertEquals(0x4_0001_0004L, read(BAR, 8));

        write(COMMAND, 2, 0);
        assertEquals(PciFunction.UNMAPPED, function.addressOf(bar));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1L, 0x8000_0000_0000_0000L, 0xffff_ffff_0000_0000L})
    void barAtNoAddressAnswersNowhere(long gpa) {
        write(COMMAND, 2, COMMAND_MEMORY);

        write(BAR, 8, gpa);

        assertEquals(PciFunction.UNMAPPED, function.addressOf(function.bars().getFirst()));
    }

    @Test
    void writesThatMayMoveABarAreTold() {
        write(COMMAND, 2, COMMAND_MEMORY);
        write(BAR, 4, 0xc001_0000L);
        write(BAR + 7, 1, 0);
        assertEquals(3, barChanges);

        write(0x3c, 1, 5);
        write(msixOffset + 2, 2, 0);
        assertEquals(3, barChanges);
    }

    // 6.2.2, 6.2.3, 6.2.4: the interrupt line.

    @Test
    void lineFollowsTheDeviceAndStatusTells() {
        line.setLevel(true);

        assertTrue(controller.level());
        assertEquals(0x18, read(STATUS, 2));
        assertEquals(0x18_0000, read(COMMAND, 4));
        assertEquals(0x18, read(STATUS, 1));
        assertEquals(0, read(STATUS + 1, 1));
        line.setLevel(false);
        assertFalse(controller.level());
        assertEquals(0x10, read(STATUS, 2));
    }

    @Test
    void disabledLineStaysDownAndStatusTellsAllTheSame() {
        write(COMMAND, 2, COMMAND_INTX_DISABLE);
        line.setLevel(true);
        assertFalse(controller.level());
        assertEquals(0x18, read(STATUS, 2));

        write(COMMAND, 2, 0);
        assertTrue(controller.level());
        write(COMMAND, 2, COMMAND_INTX_DISABLE);
        assertFalse(controller.level());
    }

    @Test
    void lineStaysDownWhileMsixIsEnabled() {
        line.setLevel(true);

        write(msixOffset + 2, 2, 0x8000);
        assertFalse(controller.level());

        write(msixOffset + 2, 2, 0);
        assertTrue(controller.level());
    }

    // 6.2.2: the bus master bit.

    @Test
    void listenerIsToldOfTheBusMasterBitWhenItChanges() {
        write(COMMAND, 2, COMMAND_MEMORY);
        write(COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
        write(COMMAND, 2, COMMAND_MASTER);
        write(COMMAND, 1, 0);

        assertEquals(List.of(true, false), master);
    }

    @Test
    void messagesWaitForTheBusMasterBit() {
        msix.claim(0);
        FakeAccelerator.Route route = accelerator.routes().getFirst();
        msix.table().write(0, 8, 0xfee0_0000L);
        msix.table().write(8, 8, 0x30);
        write(msixOffset + 2, 2, 0x8000);
        msix.signal(0);
        assertEquals(0, route.takeSignals());

        write(COMMAND, 2, COMMAND_MASTER);

        assertEquals(1, route.takeSignals());
        msix.signal(0);
        assertEquals(1, route.takeSignals());
    }

    // 6.8.2.3: MSI-X control.

    @Test
    void msixFollowsItsControlField() {
        write(COMMAND, 2, COMMAND_MASTER);
        assertFalse(msix.enabled());

        write(msixOffset + 3, 1, 0xc0);
        assertTrue(msix.enabled());
        msix.signal(0);
        assertEquals(1, msix.pendingBits().read(0, 8), "function mask");
        write(msixOffset, 4, 0x8000_0000L);
        assertEquals(MSIX_VECTORS - 1 | 0x8000, read(msixOffset + 2, 2));
        write(msixOffset, 4, 0);
        assertFalse(msix.enabled());
    }

    // PCI Express 5.0, section 7.5.3.

    @Test
    void functionIsAnIntegratedEndpointOfPciExpress() {
        int express = capability(0x10);

        assertEquals(0x0092, read(express + 2, 2), "version 2, type 9");
        assertEquals(0x8000, read(express + 4, 4), "role-based error reporting, payload of 128 bytes, no reset");
        assertEquals(0, read(0x100, 4), "no extended capabilities");
    }

    // Virtio 1.2, section 4.1.4.9: access through configuration space.

    private void aim(int bar, long offset, long length) {
        write(windowOffset + 4, 1, bar);
        write(windowOffset + 8, 4, offset);
        write(windowOffset + 12, 4, length);
    }

    @ParameterizedTest
    @CsvSource({"1, 0x88", "2, 0x7788", "4, 0x55667788"})
    void windowReadsAsMuchAsIsAskedFor(int length, String expected) {
        registers.content = 0x5566_7788L;
        aim(0, 0x104, length);

        assertEquals(Long.decode(expected), read(windowOffset + 16, 4));
        assertEquals(List.of("read 260 " + length), registers.accesses);
    }

    @Test
    void windowIsReadInParts() {
        registers.content = 0x5566_7788L;
        aim(0, 0, 4);

        assertEquals(0x88, read(windowOffset + 16, 1));
        assertEquals(0x5566, read(windowOffset + 18, 2));
        assertEquals(0x5566_7788_0000_0004L, read(windowOffset + 12, 8));
    }

    @ParameterizedTest
    @CsvSource({"1, 0xdd", "2, 0xccdd", "4, 0xaabbccdd"})
    void windowWritesAsMuchAsIsAskedFor(int length, String expected) {
        aim(0, 0x104, length);

        write(windowOffset + 16, 4, 0xaabb_ccddL);

        assertEquals(List.of("write 260 " + length + " " + Long.decode(expected)), registers.accesses);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0, 4", "255, 0, 4", "0, 0, 0", "0, 0, 3", "0, 0, 8", "0, 0, 0xffffffff", "0, 1, 2", "0, 2, 4",
        "0, 0x1000, 1", "0, 0xffc, 8", "0, 0xffffffff, 1", "0, 0xfffffffc, 4"
    })
    void windowElsewhereOrOfOtherLengthsAccessesNothing(int bar, String offset, String length) {
        aim(bar, Long.decode(offset), Long.decode(length));

        write(windowOffset + 16, 4, 0x11);
        read(windowOffset + 16, 4);

        assertEquals(List.of(), registers.accesses);
    }

    @Test
    void aimingAccessesNothing() {
        aim(0, 0, 4);
        read(windowOffset, 4);
        read(windowOffset + 12, 4);

        assertEquals(List.of(), registers.accesses);
    }

    // The machine's reset.

    @Test
    void resetTakesEverythingBackToPowerOn() {
        write(COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
        write(BAR, 8, 0x4_0000_0000L);
        write(0x3c, 1, 3);
        write(msixOffset + 2, 2, 0xc000);
        line.setLevel(true);
        master.clear();
        int changes = barChanges;

        function.reset();

        assertEquals(0, read(COMMAND, 2));
        assertEquals(0x10, read(STATUS, 2));
        assertEquals(0xc000_0004L, read(BAR, 8));
        assertEquals(10, read(0x3c, 1));
        assertEquals(MSIX_VECTORS - 1, read(msixOffset + 2, 2));
        assertFalse(msix.enabled());
        assertFalse(controller.level());
        assertEquals(List.of(false), master);
        assertEquals(changes + 1, barChanges);
    }
}

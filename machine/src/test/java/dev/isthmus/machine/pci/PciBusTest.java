// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.BusDevice;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.bus.Bus;
import dev.isthmus.testing.machine.FakeAccelerator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The bus as vCPUs see it: configuration space by ports and by ECAM, BARs in the windows. */
class PciBusTest {
    private static final long WINDOW_64 = 0x4_0000_0000L;
    private static final long WINDOW_64_BYTES = 0x1_0000_0000L;
    private static final long WINDOW_32 = MachineLayout.PCI_MMIO32_GPA;
    private static final long WINDOW_32_END = WINDOW_32 + MachineLayout.PCI_MMIO32_LENGTH_BYTES;
    private static final int BAR_BYTES = 0x4000;
    private static final int CONFIG_DATA = 0xcfc;

    private final FakeAccelerator accelerator = new FakeAccelerator();
    private final PciHost host = new PciHost(accelerator, new PciWindows(WINDOW_64, WINDOW_64_BYTES));
    private final Bus mmio = new Bus.Builder()
            .add("ECAM", MachineLayout.PCI_ECAM_GPA, MachineLayout.PCI_ECAM_LENGTH_BYTES, host.ecam())
            .add("low", WINDOW_32, MachineLayout.PCI_MMIO32_LENGTH_BYTES, host.window(WINDOW_32))
            .add("high", WINDOW_64, WINDOW_64_BYTES, host.window(WINDOW_64))
            .build();
    private final Bus ports =
            new Bus.Builder().add("configuration", PciConfigPorts.PORT, PciConfigPorts.LENGTH_BYTES, host.ports()).build();
    private final List<String> moves = new ArrayList<>();

    /** Adds a function whose BAR answers with the offset and notes where it is. */
    private void addFunction(String name) {
        PciFunction function = new PciFunction(0x1af4, 0x1042, 0x01_00_00, 1, 0x1100);
        function.addBar(new PciBar(0, BAR_BYTES, new Echo(), new Place(name)));
        function.addExpress();
        host.connectLine(function);
        host.add(function);
    }

    private static final class Echo implements BusDevice {
        @Override
        public long read(long offset, int sizeBytes) {
            return offset;
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {}
    }

    private final class Place implements PciBar.Listener {
        private final String name;

        Place(String name) {
            this.name = name;
        }

        @Override
        public void mapped(long gpa) {
            moves.add(name + " at " + Long.toHexString(gpa));
        }

        @Override
        public void unmapped() {
            moves.add(name + " gone");
        }
    }

    private List<String> takeMoves() {
        List<String> taken = List.copyOf(moves);
        moves.clear();
        return taken;
    }

    private static long ecam(int device, int register) {
        return MachineLayout.PCI_ECAM_GPA + (device << 15 | register);
    }

    private void setBar(int device, long gpa) {
        mmio.write(ecam(device, 0x10), 4, gpa & 0xffff_ffffL);
        mmio.write(ecam(device, 0x14), 4, gpa >>> 32);
    }

    private void setMemory(int device, boolean enabled) {
        mmio.write(ecam(device, 4), 2, enabled ? 2 : 0);
    }

    private boolean answers(long gpa) {
        return mmio.read(gpa + 0x10, 4) == 0x10;
    }

    // PCI Express 5.0, section 7.2.2: ECAM.

    @Test
    void hostBridgeIsDeviceZero() {
        assertEquals(0x0008_1b36L, mmio.read(ecam(0, 0), 4));
        assertEquals(0x0600, mmio.read(ecam(0, 10), 2), "class: host bridge");
        assertEquals(0, mmio.read(ecam(0, 0x3d), 1), "interrupt pin");
    }

    @Test
    void functionsThatAreNotThereReadAsAllOnes() {
        addFunction("a");

        assertEquals(0x1042_1af4L, mmio.read(ecam(1, 0), 4));
        assertEquals(0xffff_ffffL, mmio.read(ecam(2, 0), 4));
        assertEquals(0xffff, mmio.read(ecam(31, 0xffe), 2));
        for (int function = 1; function < 8; function++) {
            assertEquals(0xffff_ffffL, mmio.read(ecam(1, function << 12), 4));
            mmio.write(ecam(1, function << 12 | 4), 2, 6);
        }
        mmio.write(ecam(2, 4), 4, -1);
        assertEquals(0, mmio.read(ecam(1, 4), 2));
    }

    @Test
    void ecamReachesAllFourKibibytesAndNoFurther() {
        addFunction("a");
        addFunction("b");

        assertEquals(0, mmio.read(ecam(1, 0xffc), 4));
        assertEquals(0xffff_ffffL, mmio.read(ecam(1, 0xffe), 4), "across the end of a function");
    }

    // PCI 3.0, section 3.2.2.3.2: configuration mechanism #1.

    private void select(int bus, int device, int function, int register) {
        ports.write(PciConfigPorts.PORT, 4, 1L << 31 | bus << 16 | device << 11 | function << 8 | register);
    }

    @Test
    void portsReachTheSameFunctions() {
        addFunction("a");
        select(0, 1, 0, 0);

        assertEquals(0x1042_1af4L, ports.read(CONFIG_DATA, 4));
        assertEquals(0x1af4, ports.read(CONFIG_DATA, 2));
        assertEquals(0x1042, ports.read(CONFIG_DATA + 2, 2));
        assertEquals(0x10, ports.read(CONFIG_DATA + 3, 1));

        select(0, 1, 0, 0x3c);
        ports.write(CONFIG_DATA, 1, 0x77);
        assertEquals(0x77, mmio.read(ecam(1, 0x3c), 1));
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 0", "255, 1, 0", "0, 2, 0", "0, 31, 0", "0, 1, 1", "0, 1, 7"})
    void portsToNobodyReadAsAllOnesAndWriteNothing(int bus, int device, int function) {
        addFunction("a");
        select(bus, device, function, 0x3c);
        ports.write(CONFIG_DATA, 1, 0x55);

        assertEquals(0xffff_ffffL, ports.read(CONFIG_DATA, 4));
        assertEquals(MachineLayout.pciIntxIrq(1), mmio.read(ecam(1, 0x3c), 1));
    }

    @Test
    void dataPortsDoNothingWhileTheAddressIsNotEnabled() {
        ports.write(PciConfigPorts.PORT, 4, 0);

        assertEquals(0xffff_ffffL, ports.read(CONFIG_DATA, 4));
        ports.write(CONFIG_DATA, 4, 0);
    }

    @Test
    void addressIsAccessedWholeAndHasNoReservedBits() {
        ports.write(PciConfigPorts.PORT, 4, 0xffff_ffffL);
        assertEquals(0x80ff_fffcL, ports.read(PciConfigPorts.PORT, 4));

        ports.write(PciConfigPorts.PORT, 1, 0);
        ports.write(PciConfigPorts.PORT + 1, 1, 6);
        ports.write(PciConfigPorts.PORT + 2, 2, 0);
        assertEquals(0x80ff_fffcL, ports.read(PciConfigPorts.PORT, 4));
        assertEquals(0xff, ports.read(PciConfigPorts.PORT + 1, 1));
        assertEquals(0xffff_ffffL, ports.read(PciConfigPorts.PORT + 2, 4), "across address and data");
    }

    // PCI 3.0, section 6.2.5: BARs, wherever the guest puts them.

    @Test
    void firstAddressesAreDisjointAndInTheLowWindow() {
        addFunction("a");
        addFunction("b");
        setMemory(1, true);
        setMemory(2, true);

        assertEquals(List.of("a at c0000000", "b at c0004000"), takeMoves());
        assertTrue(answers(WINDOW_32) && answers(WINDOW_32 + BAR_BYTES));
        assertFalse(answers(WINDOW_32 + 2 * BAR_BYTES));
    }

    @Test
    void barDoesNotAnswerBeforeMemoryAccessesAreOn() {
        addFunction("a");
        assertFalse(answers(WINDOW_32));

        setMemory(1, true);
        assertTrue(answers(WINDOW_32));
        setMemory(1, false);
        assertFalse(answers(WINDOW_32));
        assertEquals(List.of("a at c0000000", "a gone"), takeMoves());
    }

    @ParameterizedTest
    @ValueSource(longs = {WINDOW_64, WINDOW_64 + WINDOW_64_BYTES - BAR_BYTES, 0xdfff_c000L, 0xd123_4000L})
    void barMovesAnywhereWithinTheWindows(long gpa) {
        addFunction("a");
        setMemory(1, true);
        takeMoves();

        setMemory(1, false);
        setBar(1, gpa);
        setMemory(1, true);

        assertEquals(List.of("a gone", "a at " + Long.toHexString(gpa)), takeMoves());
        assertTrue(answers(gpa));
        assertFalse(answers(WINDOW_32));
        assertEquals(0xffff_ffffL, mmio.read(gpa + BAR_BYTES - 2, 4), "across the end");
        assertEquals(BAR_BYTES - 4, mmio.read(gpa + BAR_BYTES - 4, 4));
    }

    @ParameterizedTest
    @ValueSource(longs = {
        0x1000, 0xbfff_c000L, WINDOW_32_END, MachineLayout.LAPIC_GPA, 0x1_0000_0000L, WINDOW_64 - BAR_BYTES,
        WINDOW_64 + WINDOW_64_BYTES, 0x7fff_ffff_ffff_c000L, 0xffff_ffff_ffff_c000L
    })
    void barOutsideTheWindowsAnswersToNobody(long gpa) {
        addFunction("a");
        setBar(1, gpa);

        setMemory(1, true);

        assertEquals(List.of(), takeMoves());
        assertFalse(answers(gpa));
    }

    @Test
    void ofTwoThatOverlapTheLowerDeviceAnswersUntilItLeaves() {
        addFunction("a");
        addFunction("b");
        setMemory(1, true);
        setMemory(2, true);
        takeMoves();

        setBar(2, WINDOW_32);
        assertEquals(List.of("b gone"), takeMoves());
        setMemory(1, false);
        assertEquals(List.of("a gone", "b at c0000000"), takeMoves());
        setMemory(1, true);
        assertEquals(List.of("b gone", "a at c0000000"), takeMoves());
        setBar(1, WINDOW_64);
        assertEquals(List.of("a gone", "b at c0000000", "a at 400000000"), takeMoves());
    }

    @Test
    void sizingABarThatAnswersMovesItOutOfTheWayAndBack() {
        addFunction("a");
        setMemory(1, true);
        mmio.write(ecam(1, 0x10), 4, 0xffff_ffffL);
        assertFalse(answers(WINDOW_32));
        mmio.write(ecam(1, 0x14), 4, 0xffff_ffffL);
        setBar(1, WINDOW_32);

        assertTrue(answers(WINDOW_32));
        assertEquals(List.of("a at c0000000", "a gone", "a at c0000000"), takeMoves());
    }

    @Test
    void addressesWithoutABarReadAsAllOnes() {
        assertEquals(0xffff_ffffL, mmio.read(WINDOW_32, 4));
        assertEquals(-1L, mmio.read(WINDOW_64 + 0x1000, 8));
        mmio.write(WINDOW_64, 8, 1);
    }

    @Test
    void machineWithoutAWindowAboveRamHasBarsInTheLowOneOnly() {
        PciHost small = new PciHost(accelerator, new PciWindows(0, 0));
        PciFunction function = new PciFunction(0x1af4, 0x1042, 0, 1, 0);
        function.addBar(new PciBar(0, BAR_BYTES, new Echo(), new Place("small")));
        small.add(function);
        function.writeConfig(4, 2, 2);
        function.writeConfig(0x10, 8, 0);
        function.writeConfig(0x10, 8, WINDOW_64);

        assertEquals(List.of("small at c0000000", "small gone"), takeMoves());
    }

    @Test
    void resetTakesBarsBackToTheirFirstAddressesAndSilence() {
        addFunction("a");
        setBar(1, WINDOW_64);
        setMemory(1, true);
        select(0, 1, 0, 0);
        takeMoves();

        host.reset();

        assertEquals(List.of("a gone"), takeMoves());
        assertEquals(0, ports.read(PciConfigPorts.PORT, 4));
        setMemory(1, true);
        assertEquals(List.of("a at c0000000"), takeMoves());
    }

    // Interrupt lines.

    @Test
    void devicesShareTheLinesInTurn() {
        for (int i = 1; i < MachineLayout.PCI_DEVICES_MAX; i++) {
            addFunction("f" + i);
        }
        assertThrows(IllegalStateException.class, () -> addFunction("one too many"));
        for (int i = 1; i < MachineLayout.PCI_DEVICES_MAX; i++) {
            int irq = MachineLayout.pciIntxIrq(MachineLayout.pciIntxIndex(i));
            assertEquals(irq, mmio.read(ecam(i, 0x3c), 1));
            assertEquals(1, mmio.read(ecam(i, 0x3d), 1));
            assertFalse(accelerator.level(irq));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.FlatGuest;
import dev.isthmus.testing.machine.GuestKernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

/**
 * Hand-assembled guests find a disk on the PCI bus, read it, and see its interrupts in the interrupt controllers, on real
 * KVM. They run with interrupts off and look at the request registers, so that nothing else decides what they see.
 */
@RequiresKvm
@Timeout(120)
class PciDiskIT {
    private static final int SECTOR = 512;
    private static final long ECAM = MachineLayout.PCI_ECAM_GPA + (1 << 15);
    private static final long FIRST_BAR = MachineLayout.PCI_MMIO32_GPA;
    private static final int CONFIG_ADDRESS = 0xcf8;
    private static final int CONFIG_DATA = 0xcfc;

    // Places in configuration space.
    private static final int COMMAND = 0x04;
    private static final int STATUS = 0x06;
    private static final int BAR0 = 0x10;
    private static final int MSIX_CONTROL = 0x42;

    // Places in the BAR.
    private static final int DEVICE_FEATURE_SELECT = 0x00;
    private static final int DRIVER_FEATURE_SELECT = 0x08;
    private static final int DRIVER_FEATURE = 0x0c;
    private static final int DEVICE_STATUS = 0x14;
    private static final int QUEUE_SELECT = 0x16;
    private static final int QUEUE_SIZE = 0x18;
    private static final int QUEUE_MSIX_VECTOR = 0x1a;
    private static final int QUEUE_ENABLE = 0x1c;
    private static final int QUEUE_DESC = 0x20;
    private static final int QUEUE_DRIVER = 0x28;
    private static final int QUEUE_DEVICE = 0x30;
    private static final int ISR = 0x1000;
    private static final int CAPACITY = 0x2000;
    private static final int NOTIFY = 0x3000;
    private static final int MSIX_ENTRY_1 = 0x4010;
    private static final int MSIX_PENDING = 0x7000;

    // Places in RAM.
    private static final long DESCRIPTORS = 0x20_0000;
    private static final long AVAILABLE = 0x20_0100;
    private static final long USED = 0x20_0200;
    private static final long HEADER = 0x20_0300;
    private static final long REQUEST_STATUS = 0x20_0400;
    private static final long DATA = 0x20_1000;

    // Local APIC and IOAPIC (Intel SDM volume 3, chapter 11; 82093AA).
    private static final long LAPIC_SPURIOUS = MachineLayout.LAPIC_GPA + 0xf0;
    private static final long LAPIC_IRR_40_5F = MachineLayout.LAPIC_GPA + 0x220;
    private static final long IOAPIC_SELECT = MachineLayout.IOAPIC_GPA;
    private static final long IOAPIC_WINDOW = MachineLayout.IOAPIC_GPA + 0x10;
    private static final int LEVEL_LOW = 1 << 15 | 1 << 13;

    private static final int VECTOR = 0x45;
    private static final long VECTOR_BIT = 1L << (VECTOR - 0x40);
    private static final int INTX_IRQ = MachineLayout.pciIntxIrq(MachineLayout.pciIntxIndex(1));

    @TempDir
    Path directory;

    private final FlatGuest guest = new FlatGuest();
    private int requests;

    private byte[] runOnDisk(long sectors) throws Exception {
        byte[] content = new byte[(int) sectors * SECTOR];
        new Random(11).nextBytes(content);
        Path disk = Files.write(directory.resolve("disk.img"), content);
        MachineConfig config = MachineConfig.builder(GuestKernel.pvh(directory, guest.pass()))
                .memoryBytes(4 << 20)
                .debugExitPort(FlatGuest.EXIT_PORT)
                .disk(DiskConfig.raw(disk))
                .build();
        try (Machine machine = Machine.create(config)) {
            machine.start();
            MachineExit exit = machine.awaitExit(BareVm.patience());
            MachineExit.DebugExit ended = assertInstanceOf(MachineExit.DebugExit.class, exit);
            assertEquals(
                    FlatGuest.PASSED,
                    ended.value(),
                    () -> guest.expectation(ended.value()) + "; seen: 0x"
                            + Long.toHexString(machine.memory().readU32(FlatGuest.SEEN_GPA)));
            byte[] data = new byte[SECTOR];
            machine.memory().read(DATA, data, 0, SECTOR);
            assertArrayEquals(Arrays.copyOfRange(content, 3 * SECTOR, 4 * SECTOR), data, "sector 3");
            return data;
        }
    }

    /** How the guest reaches configuration space. */
    enum Access {
        ECAM,
        PORTS
    }

    private void writeConfig(Access access, int register, int value) {
        if (access == Access.ECAM) {
            guest.store32(ECAM + register, value);
        } else {
            guest.out32(CONFIG_ADDRESS, 1L << 31 | 1 << 11 | register).out32(CONFIG_DATA, value);
        }
    }

    private void readConfig(Access access, int register) {
        if (access == Access.ECAM) {
            guest.load32(ECAM + register);
        } else {
            guest.out32(CONFIG_ADDRESS, 1L << 31 | 1 << 11 | register).in32(CONFIG_DATA);
        }
    }

    private void enableFunction() {
        writeConfig(Access.ECAM, COMMAND, 6);
    }

    /** Brings the device up with queue 0 (virtio 1.2, section 3.1.1). */
    private void bringUp(long bar, int queueVector) {
        guest.store8(bar + DEVICE_STATUS, 0)
                .load8(bar + DEVICE_STATUS)
                .expect("status after a reset", 0)
                .store8(bar + DEVICE_STATUS, 1)
                .store8(bar + DEVICE_STATUS, 3)
                .store32(bar + DEVICE_FEATURE_SELECT, 1)
                .load32(bar + DEVICE_FEATURE_SELECT + 4)
                .and(1)
                .expect("VERSION_1", 1)
                .store32(bar + DRIVER_FEATURE_SELECT, 1)
                .store32(bar + DRIVER_FEATURE, 1)
                .store8(bar + DEVICE_STATUS, 0xb)
                .load8(bar + DEVICE_STATUS)
                .expect("FEATURES_OK", 0xb)
                .store16(bar + QUEUE_SELECT, 0)
                .store16(bar + QUEUE_SIZE, 4)
                .store16(bar + QUEUE_MSIX_VECTOR, queueVector)
                .load16(bar + QUEUE_MSIX_VECTOR)
                .expect("vector of the queue", queueVector)
                .store32(bar + QUEUE_DESC, DESCRIPTORS)
                .store32(bar + QUEUE_DRIVER, AVAILABLE)
                .store32(bar + QUEUE_DEVICE, USED)
                .store16(bar + QUEUE_ENABLE, 1)
                .store8(bar + DEVICE_STATUS, 0xf)
                .load8(bar + DEVICE_STATUS)
                .expect("DRIVER_OK", 0xf);
    }

    /** Reads sector 3 and waits until the request is used. */
    private void readSector3(long bar) {
        requests++;
        describe(0, HEADER, 16, 1, 1);
        describe(1, DATA, SECTOR, 3, 2);
        describe(2, REQUEST_STATUS, 1, 2, 0);
        guest.store32(HEADER, 0)
                .store32(HEADER + 8, 3)
                .store8(REQUEST_STATUS, 0xff)
                .store16(AVAILABLE + 4 + 2L * ((requests - 1) % 4), 0)
                .store16(AVAILABLE + 2, requests)
                .store16(bar + NOTIFY, 0)
                .await16(USED + 2, requests)
                .load8(REQUEST_STATUS)
                .expect("status of the request", 0);
    }

    private void describe(int index, long gpa, int lengthBytes, int flags, int next) {
        long descriptor = DESCRIPTORS + 16L * index;
        guest.store32(descriptor, gpa)
                .store32(descriptor + 8, lengthBytes)
                .store16(descriptor + 12, flags)
                .store16(descriptor + 14, next);
    }

    @ParameterizedTest
    @EnumSource(Access.class)
    void guestFindsTheDiskByItsConfigurationSpaceAndReadsIt(Access access) throws Exception {
        readConfig(access, 0);
        guest.expect("vendor and device", 0x1042_1af4L);
        readConfig(access, 8);
        guest.expect("class and revision", 0x0100_0001L);
        writeConfig(access, BAR0, -1);
        readConfig(access, BAR0);
        guest.expect("size of BAR 0", 0xffff_8004L);
        writeConfig(access, BAR0 + 4, -1);
        readConfig(access, BAR0 + 4);
        guest.expect("its upper half", 0xffff_ffffL);
        writeConfig(access, BAR0, (int) FIRST_BAR);
        writeConfig(access, BAR0 + 4, 0);
        guest.load32(FIRST_BAR + CAPACITY).expect("BAR 0 while memory accesses are off", 0xffff_ffffL);
        writeConfig(access, COMMAND, 6);
        guest.load32(FIRST_BAR + CAPACITY).expect("capacity in sectors", 8);
        bringUp(FIRST_BAR, 0xffff);
        readSector3(FIRST_BAR);

        runOnDisk(8);
    }

    @ParameterizedTest
    @ValueSource(longs = {0xd000_0000L, 0xdfff_8000L})
    void barThatWasMovedIsNotifiedWhereItIsAndNoLongerWhereItWas(long moved) throws Exception {
        enableFunction();
        bringUp(FIRST_BAR, 0xffff);
        readSector3(FIRST_BAR);
        writeConfig(Access.ECAM, BAR0, (int) moved);
        guest.load8(FIRST_BAR + DEVICE_STATUS).expect("nobody at the old place", 0xff);
        guest.load8(moved + DEVICE_STATUS).expect("the live device at the new place", 0xf);
        readSector3(moved);
        // What is written to the old place goes nowhere, and the device goes on.
        guest.store16(FIRST_BAR + NOTIFY, 0);
        readSector3(moved);

        runOnDisk(8);
    }

    private void enableLocalApic() {
        guest.store32(LAPIC_SPURIOUS, 0x1ff);
    }

    private void programMsixEntry1() {
        guest.store32(FIRST_BAR + MSIX_ENTRY_1, MachineLayout.LAPIC_GPA)
                .store32(FIRST_BAR + MSIX_ENTRY_1 + 4, 0)
                .store32(FIRST_BAR + MSIX_ENTRY_1 + 8, VECTOR);
    }

    private void expectNoInterrupt(String what) {
        guest.load32(LAPIC_IRR_40_5F).expect(what, 0);
    }

    @Test
    void messageArrivesAtTheLocalApic() throws Exception {
        enableLocalApic();
        enableFunction();
        guest.store16(ECAM + MSIX_CONTROL, 0x8000);
        programMsixEntry1();
        guest.store32(FIRST_BAR + MSIX_ENTRY_1 + 12, 0);
        bringUp(FIRST_BAR, 1);
        expectNoInterrupt("no message before there is anything to tell");
        readSector3(FIRST_BAR);
        guest.awaitSet32(LAPIC_IRR_40_5F, VECTOR_BIT)
                .load16(ECAM + STATUS)
                .expect("the interrupt line with MSI-X", 0x10);

        runOnDisk(8);
    }

    @Test
    void maskedMessageIsPendingAndArrivesWhenUnmasked() throws Exception {
        enableLocalApic();
        enableFunction();
        guest.store16(ECAM + MSIX_CONTROL, 0x8000);
        programMsixEntry1();
        bringUp(FIRST_BAR, 1);
        readSector3(FIRST_BAR);
        guest.awaitSet32(FIRST_BAR + MSIX_PENDING, 1 << 1);
        expectNoInterrupt("no message while the vector is masked");

        guest.store16(ECAM + MSIX_CONTROL, 0xc000).store32(FIRST_BAR + MSIX_ENTRY_1 + 12, 0);
        expectNoInterrupt("no message while the function is masked");
        guest.load32(FIRST_BAR + MSIX_PENDING).expect("pending bits while the function is masked", 1 << 1);

        guest.store16(ECAM + MSIX_CONTROL, 0x8000)
                .load32(FIRST_BAR + MSIX_PENDING)
                .expect("pending bits when nothing is masked", 0)
                .awaitSet32(LAPIC_IRR_40_5F, VECTOR_BIT);

        runOnDisk(8);
    }

    @Test
    void lineReachesTheIoapicAndIsLoweredByReadingTheIsr() throws Exception {
        enableLocalApic();
        enableFunction();
        guest.store32(IOAPIC_SELECT, 0x10 + 2 * INTX_IRQ).store32(IOAPIC_WINDOW, LEVEL_LOW | VECTOR);
        bringUp(FIRST_BAR, 0xffff);
        expectNoInterrupt("no interrupt before there is anything to tell");
        readSector3(FIRST_BAR);
        guest.awaitSet32(LAPIC_IRR_40_5F, VECTOR_BIT)
                .load16(ECAM + STATUS)
                .expect("Interrupt Status", 0x18)
                .load8(FIRST_BAR + ISR)
                .expect("ISR status", 1)
                .load16(ECAM + STATUS)
                .expect("Interrupt Status after the ISR was read", 0x10)
                .load8(FIRST_BAR + ISR)
                .expect("ISR status once more", 0);

        runOnDisk(8);
    }

    @Test
    void disabledLineIsAssertedWhenEnabledAgain() throws Exception {
        enableLocalApic();
        writeConfig(Access.ECAM, COMMAND, 0x406);
        guest.store32(IOAPIC_SELECT, 0x10 + 2 * INTX_IRQ).store32(IOAPIC_WINDOW, LEVEL_LOW | VECTOR);
        bringUp(FIRST_BAR, 0xffff);
        readSector3(FIRST_BAR);
        guest.awaitSet32(ECAM + COMMAND, 0x18 << 16);
        expectNoInterrupt("no interrupt while the line is disabled");
        enableFunction();
        guest.awaitSet32(LAPIC_IRR_40_5F, VECTOR_BIT);

        runOnDisk(8);
    }

    @Test
    void lineReachesThePic() throws Exception {
        enableFunction();
        bringUp(FIRST_BAR, 0xffff);
        // 8259A: ICW1 to ICW4 of the first PIC, everything masked; then OCW3 has its IRR read.
        guest.out8(0x20, 0x11).out8(0x21, 0x20).out8(0x21, 0x04).out8(0x21, 0x01).out8(0x21, 0xff).out8(0x20, 0x0a);
        readSector3(FIRST_BAR);
        // A moment after the status bit, which is the function's own.
        guest.awaitSet32(ECAM + COMMAND, 0x18 << 16).awaitSetIn8(0x20, 1 << INTX_IRQ);

        runOnDisk(8);
    }

    @Test
    void deviceThatMayNotAccessMemoryNeedsAReset() throws Exception {
        writeConfig(Access.ECAM, COMMAND, 2);
        guest.store8(FIRST_BAR + DEVICE_STATUS, 3)
                .store32(FIRST_BAR + DRIVER_FEATURE_SELECT, 1)
                .store32(FIRST_BAR + DRIVER_FEATURE, 1)
                .store8(FIRST_BAR + DEVICE_STATUS, 0xb)
                .store8(FIRST_BAR + DEVICE_STATUS, 0xf)
                .load8(FIRST_BAR + DEVICE_STATUS)
                .expect("DEVICE_NEEDS_RESET without bus mastering", 0x4f);
        enableFunction();
        bringUp(FIRST_BAR, 0xffff);
        readSector3(FIRST_BAR);
        writeConfig(Access.ECAM, COMMAND, 2);
        guest.load8(FIRST_BAR + DEVICE_STATUS).expect("DEVICE_NEEDS_RESET when it is taken away", 0x4f);

        runOnDisk(8);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.DemoGuest;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Linux finds disks and is interrupted by them, in each of the ways there are: messages and lines, with ACPI and with the
 * MP table, over PCI and without it.
 */
@RequiresKvm
class LinuxPciIT {
    private static final int DISK_BYTES = 1 << 20;

    /** Reads on each CPU, behind the page cache's back; then tells what interrupts there were. */
    private static final String READ_AND_REPORT = "taskset 1 dd if=/dev/vda of=/dev/null bs=64k iflag=direct; "
            + "taskset 2 dd if=/dev/vda of=/dev/null bs=64k iflag=direct; "
            + "echo disks=$(ls -d /sys/block/vd* | wc -l); "
            + "for f in /sys/bus/virtio/devices/virtio0/features; do echo features=$(cat $f); done; "
            + "grep virtio0 /proc/interrupts; exit 33";

    @TempDir
    Path folder;

    private DiskConfig disk(int number, int queues) throws Exception {
        byte[] content = new byte[DISK_BYTES];
        Arrays.fill(content, (byte) number);
        return DiskConfig.raw(Files.write(folder.resolve("disk" + number), content)).withQueues(queues);
    }

    private static String run(VmBuilder builder) throws Exception {
        try (Vm vm = builder.cpus(2).start()) {
            VmResult result = LinuxGuest.awaitEnd(vm);
            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(33), result, console);
            return console;
        }
    }

    private static VmBuilder guest() {
        return LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", READ_AND_REPORT);
    }

    private static VmBuilder guestWith(String parameters) {
        return guest().commandLine(
                parameters + " " + DemoGuest.locate().commandLine(List.of("sh", "-c", READ_AND_REPORT)));
    }

    /** Returns how many interrupts all CPUs took of the line of /proc/interrupts whose end this is. */
    private static long interrupts(String console, String kind, String name) {
        Matcher matcher = Pattern.compile("(?m)^ *\\d+: +(\\d+) +(\\d+) +" + kind + " .*\\b" + name + "\\r?$")
                .matcher(console);
        assertTrue(matcher.find(), () -> "no interrupts of " + name + " by " + kind + ":\n" + console);
        return Long.parseLong(matcher.group(1)) + Long.parseLong(matcher.group(2));
    }

    @Test
    void bothQueuesOfADiskInterruptByMessagesOfTheirOwn() throws Exception {
        String console = run(guest().disk(disk(0, 2)).disk(disk(1, 1)));

        assertTrue(console.contains("disks=2"), console);
        assertTrue(interrupts(console, "PCI-MSI", "virtio0-req.0") > 0, console);
        assertTrue(interrupts(console, "PCI-MSI", "virtio0-req.1") > 0, console);
        // Bit 33, ACCESS_PLATFORM: Linux takes it where it is offered, as it is over PCI.
        assertEquals('1', console.charAt(console.indexOf("features=") + "features=".length() + 33), console);
    }

    @Test
    void driverThatMayNotUseMessagesGetsTheLineThatAcpiTells() throws Exception {
        String console = run(guestWith("pci=nomsi").disk(disk(0, 2)).disk(disk(1, 1)));

        assertTrue(console.contains("disks=2"), console);
        assertTrue(interrupts(console, "IO-APIC", "virtio0") > 0, console);
    }

    @Test
    void systemWithoutAcpiFindsBusAndLinesByPortsAndMpTable() throws Exception {
        String console = run(guestWith("acpi=off pci=nomsi").disk(disk(0, 2)));

        assertTrue(console.contains("disks=1"), console);
        assertTrue(interrupts(console, "IO-APIC", "virtio0") > 0, console);
    }

    @Test
    void disksWithoutABusInterruptByTheirOwnLines() throws Exception {
        String console = run(guest().transport(VirtioTransport.MMIO).disk(disk(0, 2)).disk(disk(1, 1)));

        assertTrue(console.contains("disks=2"), console);
        assertTrue(interrupts(console, "IO-APIC", "virtio0") > 0, console);
        assertEquals('0', console.charAt(console.indexOf("features=") + "features=".length() + 33), console);
        assertFalse(console.contains("PCI-MSI"), console);
    }
}

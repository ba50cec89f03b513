// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Linux with its root file system on images of other formats; QEMU's tools and e2fsprogs judge what is left. */
@RequiresKvm
class LinuxImageIT {
    private static final int CONTENT_BYTES = 2 << 20;

    /** How much of a disk is compared: reading is slow where the guest's kernel is emulated. */
    private static final int SUM_MIB = 8;

    @TempDir
    Path folder;

    private static String awaitPowerOff(Vm vm) throws Exception {
        VmResult result = LinuxGuest.awaitEnd(vm);
        String console = vm.serial().text();
        assertEquals(new VmResult.PoweredOff(), result, console);
        return console;
    }

    private static void assertInterrupted(String console, String request) {
        assertTrue(
                console.lines().anyMatch(line -> line.contains(request) && !line.contains(" 0 0 ")),
                () -> "no interrupt of " + request + ":\n" + console);
    }

    @ParameterizedTest
    @CsvSource({"PCI, IO_URING", "MMIO, THREADS"})
    void rootOnAQcow2ImageWithABackingFileIsWrittenByTwoCpus(VirtioTransport transport, DiskEngine engine)
            throws Exception {
        Ext4Image base = Ext4Image.ofDemoGuest(folder);
        byte[] baseBytes = Files.readAllBytes(base.file());
        Path overlay = folder.resolve("overlay.qcow2");
        HostTool.succeed(
                "qemu-img", "create", "-q", "-f", "qcow2", "-b", base.file().toString(), "-F", "raw", overlay.toString());
        byte[] content = new byte[CONTENT_BYTES];
        new Random(11).nextBytes(content);
        Path data = Files.write(folder.resolve("data.img"), content);
        String script = "mount -o remount,rw / ; "
                + "taskset 1 dd if=/dev/vdb of=/copy1 bs=64k conv=fsync & "
                + "taskset 2 dd if=/dev/vdb of=/copy2 bs=4k conv=fsync; wait; "
                + "echo queues=$(ls /sys/block/vda/mq | wc -l); "
                + "echo COPIED=$(ls / | grep -c copy); read go; "
                + "rm /copy1; sync; fstrim -v / ; sync; "
                + "grep virtio0 /proc/interrupts | tr -s ' '";

        String console;
        long copiedBytes;
        try (Vm vm = Vm.builder()
                .kernel(GuestKernel.ELF_PVH.file())
                .commandLine(LinuxGuest.commandLineOnDisk("root=/dev/vda rw", script))
                .cpus(2)
                .memory("128M")
                .transport(transport)
                .disk(DiskConfig.of(overlay).withEngine(engine).withQueues(2))
                .disk(DiskConfig.raw(data).withReadOnly(true))
                .start()) {
            vm.serial().awaitText("COPIED=2", LinuxGuest.DEADLINE);
            copiedBytes = SparseFile.allocatedBytes(overlay);
            vm.serial().write("go\n");
            console = awaitPowerOff(vm);
        }

        assertTrue(console.contains("queues=2"), console);
        // But for what else the guest has written meanwhile, the host gets back what a copy took.
        long givenBackBytes = copiedBytes - SparseFile.allocatedBytes(overlay);
        assertTrue(givenBackBytes >= CONTENT_BYTES / 2, () -> givenBackBytes + " bytes of " + copiedBytes + "\n" + console);
        if (transport == VirtioTransport.PCI) {
            assertInterrupted(console, "virtio0-req.0");
            assertInterrupted(console, "virtio0-req.1");
        }
        assertArrayEquals(baseBytes, Files.readAllBytes(base.file()), "the backing file");
        HostTool.succeed("qemu-img", "check", "-q", overlay.toString());
        Path flat = folder.resolve("flat.img");
        HostTool.succeed("qemu-img", "convert", "-O", "raw", overlay.toString(), flat.toString());
        Ext4Image written = new Ext4Image(flat);
        written.assertClean();
        Path copy = folder.resolve("copy");
        HostTool.succeed("debugfs", "-R", "dump /copy2 " + copy, flat.toString());
        assertArrayEquals(content, Files.readAllBytes(copy));
    }

    @Test
    void disksOfVmwareVirtualBoxAndHyperVAreReadAndBootFrom() throws Exception {
        Ext4Image root = Ext4Image.ofDemoGuest(folder);
        for (String format : List.of("vmdk", "vdi", "vhdx")) {
            HostTool.succeed(
                    "qemu-img", "convert", "-O", format, root.file().toString(), folder.resolve("root." + format).toString());
        }
        Path packed = folder.resolve("packed.vmdk");
        HostTool.succeed(
                "qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", root.file().toString(),
                packed.toString());
        // Not of the root's own disk: ext4 changes its superblock in memory.
        String script = "for d in b c d e; do echo sum=$(dd if=/dev/vd$d bs=1M count=" + SUM_MIB + " | md5sum); done; "
                + "grep ' / ext4' /proc/mounts";

        String console;
        try (Vm vm = Vm.builder()
                .kernel(GuestKernel.ELF_PVH.file())
                .commandLine(LinuxGuest.commandLineOnDisk("root=/dev/vda ro", script))
                .memory("128M")
                .disk(DiskConfig.of(folder.resolve("root.vmdk")).withReadOnly(true))
                .disk(DiskConfig.of(folder.resolve("root.vdi")).withReadOnly(true))
                .disk(DiskConfig.of(folder.resolve("root.vhdx")).withReadOnly(true))
                .disk(DiskConfig.of(folder.resolve("root.vmdk")).withReadOnly(true))
                .disk(DiskConfig.of(packed).withReadOnly(true))
                .start()) {
            console = awaitPowerOff(vm);
        }

        String sum = HostTool.succeed(
                "sh", "-c", "head -c " + SUM_MIB + "M \"$1\" | md5sum", "sh", root.file().toString());
        assertEquals(
                4, console.lines().filter(line -> line.contains("sum=" + sum.substring(0, 32))).count(), console);
        assertTrue(console.contains(" / ext4 ro"), console);
    }
}

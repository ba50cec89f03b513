// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Linux's virtio_blk driver and ext4 on our disks; the host's e2fsprogs judge what is left. */
@RequiresKvm
class LinuxDiskIT {
    @TempDir
    Path folder;

    @Test
    void guestWritesItsRootOnDiskAndIsRefusedOnAReadOnlyOne() throws Exception {
        Ext4Image root = Ext4Image.ofDemoGuest(folder);
        Path readOnly = folder.resolve("readonly.img");
        byte[] content = new byte[1 << 20];
        new Random(7).nextBytes(content);
        Files.write(readOnly, content);
        String script = "mount -o remount,rw / ; "
                + "dd if=/dev/vdb of=/copy bs=4k && echo written > /written && sync; "
                + "echo serial=$(cat /sys/block/vdb/serial) ro=$(cat /sys/block/vdb/ro); "
                + "dd if=/dev/zero of=/dev/vdb bs=512 count=1 && echo NOT-REFUSED; "
                + "echo packed=$(cut -c35 /sys/block/vda/device/features)$(cut -c35 /sys/block/vdb/device/features); "
                + "echo root=$(grep ' / ext4' /proc/mounts)";

        VmResult result;
        String console;
        try (Vm vm = Vm.builder()
                .kernel(GuestKernel.ELF_PVH.file())
                .commandLine(LinuxGuest.commandLineOnDisk("root=/dev/vda rw", script))
                .memory("128M")
                .disk(DiskConfig.raw(root.file()).withId("root").withPacked(true))
                .disk(DiskConfig.raw(readOnly).withReadOnly(true).withId("data").withSerial("SN-0815"))
                .start()) {
            result = LinuxGuest.awaitEnd(vm);
            console = vm.serial().text();
        }

        assertEquals(new VmResult.PoweredOff(), result, console);
        assertTrue(console.contains("serial=SN-0815 ro=1"), console);
        // VIRTIO_F_RING_PACKED is bit 34: Linux chooses packed queues where they are offered.
        assertTrue(console.contains("packed=10"), console);
        assertTrue(console.contains("root=/dev/root / ext4 rw"), console);
        assertTrue(!console.contains("NOT-REFUSED"), console);
        root.assertClean();
        assertEquals("written\n", root.read("/written"));
        Path copy = folder.resolve("copy");
        HostTool.succeed("debugfs", "-R", "dump /copy " + copy, root.file().toString());
        assertArrayEquals(content, Files.readAllBytes(copy), "what the guest read from one disk and wrote to the other");
        assertArrayEquals(content, Files.readAllBytes(readOnly), "a read-only disk after a write");
    }
}

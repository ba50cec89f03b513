// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.MachineDisk;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.VmException;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Disks that change under Linux: it learns of another size, and gives storage back. */
@RequiresKvm
class DiskChangesIT {
    private static final long MIB = 1 << 20;

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(VirtioTransport.class)
    void linuxSeesADiskGrowAndGivesStorageBack(VirtioTransport transport) throws Exception {
        Path qcow2 = folder.resolve("grow.qcow2");
        HostTool.succeed("qemu-img", "create", "-q", "-f", "qcow2", qcow2.toString(), "4M");
        Path raw = SparseFile.ofLength(folder.resolve("raw.img"), 4 * MIB);
        Path full = folder.resolve("full.img");
        Files.write(full, new byte[(int) (16 * MIB)]);
        HostTool.succeed("mkfs.ext4", "-q", "-E", "nodiscard", full.toString());
        String script = "mkdir -p /m && mount -t ext4 /dev/vdc /m && fstrim -v /m; umount /m; "
                + "echo cache=$(cat /sys/block/vdc/queue/write_cache); "
                + "echo READY; "
                + "until [ $(cat /sys/block/vda/size) = 16384 ] && [ $(cat /sys/block/vdb/size) = 12288 ]; do sleep 1; done; "
                + "dd if=/dev/zero of=/dev/vda bs=512 seek=16383 count=1 conv=fsync && "
                + "dd if=/dev/vdb of=/dev/null bs=512 skip=12287 count=1 && echo GROWN; exit 9";

        String console;
        try (Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                .transport(transport)
                .disk(DiskConfig.of(qcow2).withId("grow"))
                .disk(DiskConfig.raw(raw))
                .disk(DiskConfig.raw(full))
                .start()) {
            vm.serial().awaitText("READY", LinuxGuest.DEADLINE);
            MachineDisk grow = vm.disk("grow");
            assertThrows(VmException.Configuration.class, () -> grow.resize(MIB));
            grow.resize(8 * MIB);
            assertEquals(8 * MIB, grow.capacityBytes());
            SparseFile.ofLength(raw, 6 * MIB);
            assertEquals(6 * MIB, vm.disks().get(1).refreshCapacity());

            VmResult result = LinuxGuest.awaitEnd(vm);
            console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(9), result, console);
        }

        assertTrue(console.contains("GROWN"), console);
        assertTrue(console.contains("cache=write back"), console);
        HostTool.succeed("qemu-img", "check", "-q", qcow2.toString());
        assertTrue(SparseFile.allocatedBytes(full) < 8 * MIB, () -> "nothing was given back:\n" + console);
    }
}

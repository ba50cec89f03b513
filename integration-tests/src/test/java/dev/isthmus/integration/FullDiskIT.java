// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A sparse disk image on a host file system that has no room for all of it. */
@RequiresKvm
class FullDiskIT {
    private static final long IMAGE_BYTES = 8L << 20;

    @RegisterExtension
    final SmallFileSystem fileSystem = new SmallFileSystem("2m");

    @Test
    void guestGetsAnErrorForWhatDoesNotFitAndGoesOn() throws Exception {
        Path image = SparseFile.ofLength(fileSystem.folder().resolve("disk.img"), IMAGE_BYTES);
        String script = "dd if=/dev/zero of=/dev/vda bs=64k conv=fsync || echo write-failed; "
                + "dd if=/dev/vda of=/dev/null bs=64k && echo read-on; exit 9";

        try (Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script).disk(image).start()) {
            VmResult result = LinuxGuest.awaitEnd(vm);
            String console = vm.serial().text();

            assertEquals(new VmResult.DebugExit(9), result, console);
            assertTrue(console.contains("write-failed"), console);
            assertTrue(console.contains("read-on"), console);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.FolderConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The host takes a shared folder away, or has no room in it: the guest is told, and goes on. */
@RequiresKvm
class SharedFolderFaultsIT {
    @RegisterExtension
    final SmallFileSystem small = new SmallFileSystem("2m");

    @TempDir
    Path parent;

    @Test
    void guestIsToldThatTheFolderIsFullOrGoneAndGoesOn() throws Exception {
        Path removed = Files.createDirectory(parent.resolve("removed"));
        Files.writeString(removed.resolve("file"), "contents");
        String script = "mkdir /a /b; mount -t virtiofs small /a && mount -t virtiofs removed /b || exit 9; "
                + "dd if=/dev/zero of=/a/big bs=64k count=64; echo full=$?; "
                + "mkdir /a/d; rm /a/big; echo short > /a/file && echo room=$(cat /a/file); "
                + "exec 3< /b/file; echo ready; while [ -e /b/file ]; do sleep 0.2; done; "
                + "echo open=$(cat <&3); echo x > /b/new; echo made=$?; ls /b; mkdir /b/d; umount /b; "
                + "echo alive > /a/file && echo end=$(cat /a/file)";

        try (Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                .device(FolderConfig.of(small.folder(), "small"))
                .device(FolderConfig.of(removed, "removed"))
                .start()) {
            vm.serial().awaitText("ready", LinuxGuest.DEADLINE);
            Files.delete(removed.resolve("file"));
            Files.delete(removed);
            VmResult result = LinuxGuest.awaitEnd(vm);

            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(0), result, console);
            assertTrue(console.contains("No space left on device") && console.contains("full=1"), console);
            assertTrue(console.contains("room=short"), console);
            // What the guest has open is there until it closes it.
            assertTrue(console.contains("open=contents"), console);
            assertTrue(console.contains("made=1") && console.contains("No such file or directory"), console);
            assertTrue(console.contains("end=alive"), console);
        }
    }
}

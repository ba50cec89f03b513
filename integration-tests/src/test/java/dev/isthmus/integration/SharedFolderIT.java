// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.fs.FolderOwnership;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.DemoGuest;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Folders of the host in a Linux guest: as its root file system, read-only, squashed, and tried to escape from. */
@RequiresKvm
class SharedFolderIT {
    private static final String SECRET = "a-secret-of-the-host";
    private static final int MANY = 2000;

    /** Some thousand file operations take seconds, but minutes where KVM emulates the guest's kernel on a busy machine. */
    private static final Duration DEADLINE = Duration.ofMinutes(12);

    @TempDir
    Path parent;

    private Path shared;

    @BeforeEach
    void makeFolder() throws IOException {
        shared = Files.createDirectory(parent.resolve("shared"));
    }

    /** Puts all that the demo guest's initramfs has into a folder, so that it can be the guest's root. */
    private static void fillWithDemoGuest(Path root) throws Exception {
        HostTool.succeed(
                "sh", "-c", "cd \"$1\" && cpio --quiet -idm < \"$2\"", "sh", root.toString(),
                DemoGuest.locate().initrd().toAbsolutePath().toString());
        PosixCheck.copyTo(root.resolve("bin"));
        Files.createDirectory(root.resolve("work"));
    }

    @ParameterizedTest
    @CsvSource({"PCI, AUTO", "MMIO, ALWAYS"})
    void folderIsTheGuestsRootAndBehavesAsPosixSays(VirtioTransport transport, CachePolicy cache) throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "to keep the guest's owners takes root");
        fillWithDemoGuest(shared);
        Path many = Files.createDirectory(shared.resolve("many"));
        for (int i = 0; i < MANY; i++) {
            Files.createFile(many.resolve("entry-with-a-name-" + i));
        }
        // The shell lists by itself, without a look at each entry.
        String script = "echo root=$(grep ' / ' /proc/mounts); set -- /many/*; echo many=$#; "
                + "posix_check -q /work; status=$?; "
                + "echo written > /written; chown 1234:4321 /written; sync; exit $status";

        try (Vm vm = Vm.builder()
                .kernel(GuestKernel.ELF_PVH.file())
                .commandLine("rootfstype=virtiofs root=host-root rw init=/init "
                        + DemoGuest.locate().commandLine(java.util.List.of("sh", "-c", script)))
                .memory("128M")
                .transport(transport)
                .debugExit(MachineLayout.DEBUG_EXIT_PORT)
                .device(FolderConfig.of(shared, "host-root").withOwnership(FolderOwnership.GUEST).withCache(cache))
                .start()) {
            VmResult result = LinuxGuest.awaitEnd(vm, DEADLINE);

            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(0), result, console);
            assertTrue(console.contains("root=host-root / virtiofs rw"), console);
            assertTrue(console.contains("many=" + MANY), console);
            PosixCheck.assertSound(1, console);
        }
        assertEquals("written\n", Files.readString(shared.resolve("written")));
        assertEquals(1234, Files.getAttribute(shared.resolve("written"), "unix:uid"));
        assertEquals(4321, Files.getAttribute(shared.resolve("written"), "unix:gid"));
        try (var left = Files.list(shared.resolve("work"))) {
            assertEquals(0, left.count());
        }
    }

    @ParameterizedTest
    @CsvSource({"PCI, false", "MMIO, true"})
    void squashedAndReadOnlyFoldersBehaveAsPosixSays(VirtioTransport transport, boolean packed) throws Exception {
        PosixCheck.copyTo(shared);
        Files.writeString(shared.resolve("file"), "contents");
        Path work = Files.createDirectory(parent.resolve("work"));
        String script = "mkdir /a /b; mount -t virtiofs fixed /a && mount -t virtiofs work /b || exit 9; "
                + "/a/posix_check -r /a && echo owner=$(stat -c %u:%g /b) && /a/posix_check -q -s /b || exit 8; "
                + "echo made > /b/made; umount /b; mount -t virtiofs work /b; echo again=$(cat /b/made)";

        try (Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                .transport(transport)
                .device(FolderConfig.of(shared, "fixed").withReadOnly(true))
                .device(FolderConfig.of(work, "work")
                        .withOwnership(new FolderOwnership.Squashed(77, 88))
                        .withPacked(packed)
                        .withQueues(2))
                .start()) {
            VmResult result = LinuxGuest.awaitEnd(vm, DEADLINE);

            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(0), result, console);
            assertTrue(console.contains("owner=77:88"), console);
            assertTrue(console.contains("again=made"), console);
            PosixCheck.assertSound(2, console);
        }
        assertEquals(Files.getAttribute(parent, "unix:uid"), Files.getAttribute(work.resolve("made"), "unix:uid"));
        assertEquals("contents", Files.readString(shared.resolve("file")));
    }

    @Test
    void guestFindsNoWayOutOfTheFolder() throws Exception {
        Path outside = Files.createDirectory(parent.resolve("outside"));
        Files.writeString(outside.resolve("file"), SECRET);
        Files.createSymbolicLink(shared.resolve("relative"), Path.of("../outside/file"));
        Files.createSymbolicLink(shared.resolve("absolute"), outside.resolve("file"));
        Files.createSymbolicLink(shared.resolve("bad"), outside);
        Files.createDirectory(shared.resolve("d"));
        Files.writeString(shared.resolve("d/file"), "inner");
        String target = outside.resolve("file").toString();
        // A guest that knows all about the host; each of the commands has to fail.
        String script = "mkdir /m; mount -t virtiofs shared /m || exit 9; cd /m; "
                + "for f in relative absolute bad/file ../outside/file d/../../outside/file; do cat $f && echo FOUND $f; done; "
                + "ln -s ../outside/file own1; ln -s " + target + " own2; cat own1 own2 && echo FOUND own; "
                + "echo x > absolute && echo FOUND w; rm -f own1 own2; "
                + "mknod disk b 8 0 && echo FOUND b; mknod memory c 1 1 && echo FOUND c; "
                + "ln d/file /link && echo FOUND l; mv d/file /moved && cp /moved d/file; "
                + "i=0; while [ $i -lt 100 ]; do read t < d/file && echo $t; echo over > d/made; i=$((i + 1)); done; "
                + "echo done";

        String console;
        try (Swapper _ = new Swapper(shared);
                Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                        .device(FolderConfig.of(shared, "shared").withCache(CachePolicy.NEVER))
                        .start()) {
            VmResult result = LinuxGuest.awaitEnd(vm, DEADLINE);
            console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(0), result, console);
        }

        assertTrue(console.contains("inner"), console);
        assertTrue(console.contains("done"), console);
        assertFalse(console.contains("FOUND"), console);
        assertFalse(console.contains(SECRET), console);
        assertEquals(SECRET, Files.readString(outside.resolve("file")));
        try (var left = Files.list(outside)) {
            assertEquals(1, left.count());
        }
    }

    /** Exchanges a directory of the folder for a link out of it and back, all the time. */
    private static final class Swapper implements AutoCloseable {
        private final AtomicBoolean stop = new AtomicBoolean();
        private final Thread thread;

        Swapper(Path folder) {
            Path name = folder.resolve("d");
            Path good = folder.resolve("good");
            Path bad = folder.resolve("bad");
            thread = Thread.ofPlatform().start(() -> {
                try {
                    while (!stop.get()) {
                        // The guest is to get on, too.
                        Thread.yield();
                        Files.move(name, good, StandardCopyOption.ATOMIC_MOVE);
                        Files.move(bad, name, StandardCopyOption.ATOMIC_MOVE);
                        Files.move(name, bad, StandardCopyOption.ATOMIC_MOVE);
                        Files.move(good, name, StandardCopyOption.ATOMIC_MOVE);
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
        }

        @Override
        public void close() {
            stop.set(true);
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}

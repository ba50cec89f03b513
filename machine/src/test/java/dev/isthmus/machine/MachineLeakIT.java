// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.testing.machine.GuestKernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@RequiresKvm
@Timeout(300)
class MachineLeakIT {
    private static final int MACHINES = 500;

    @TempDir
    Path directory;

    private static long entries(String procDirectory) throws IOException {
        try (Stream<Path> files = Files.list(Path.of(procDirectory))) {
            return files.count();
        }
    }

    /** Threads with a machine's name; the JVM's own come and go. */
    private static List<String> machineThreads() throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.map(MachineLeakIT::nameOf)
                    .filter(name -> name.startsWith("leaktest"))
                    .toList();
        }
    }

    private static String nameOf(Path task) {
        try {
            return Files.readString(task.resolve("comm")).strip();
        } catch (IOException e) {
            return "gone";
        }
    }

    /** Mappings of guest RAM and vCPUs; the JVM's own heap comes and goes. */
    private static List<String> machineMappings() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("memfd:") || line.contains("kvm-vcpu"))
                .toList();
    }

    private void openAndClose(Path kernel, Path disk, int number) throws Exception {
        MachineConfig config = MachineConfig.builder(kernel)
                .name("leaktest")
                .cpus(1 + number % 2)
                .memoryBytes(4 << 20)
                .debugExitPort(0xf4)
                .disk(DiskConfig.raw(disk))
                .serial(number % 3 == 0 ? new SerialConfig.Pty() : new SerialConfig.Null())
                .build();
        try (Machine machine = Machine.create(config)) {
            if (number % 10 != 9) {
                machine.start();
                assertEquals(new MachineExit.DebugExit(0), machine.awaitExit(BareVm.patience()));
            }
        }
    }

    @Test
    void machinesThatAreClosedLeaveNoDescriptorThreadOrMappingBehind() throws Exception {
        Path kernel = GuestKernel.pvh(directory, new GuestCode().line("out  %al, $0xf4", 0xe6, 0xf4));
        Path disk = Files.write(directory.resolve("disk.img"), new byte[4096]);
        // The first ones have the JVM open what it keeps open.
        for (int i = 0; i < 10; i++) {
            openAndClose(kernel, disk, i);
        }
        long descriptorsBefore = entries("/proc/self/fd");

        for (int i = 0; i < MACHINES; i++) {
            openAndClose(kernel, disk, i);
        }

        assertEquals(descriptorsBefore, entries("/proc/self/fd"));
        assertEquals(List.of(), machineThreads());
        assertEquals(List.of(), machineMappings());
    }

    @Test
    void machinesThatCanNotBeMadeLeaveNothingBehindEither() throws Exception {
        Path noKernel = Files.writeString(directory.resolve("no-kernel"), "this is no kernel");
        Path kernel = GuestKernel.pvh(directory, new GuestCode().line("hlt", 0xf4));
        failToCreate(MachineConfig.builder(noKernel).name("leaktest"));
        long descriptorsBefore = entries("/proc/self/fd");

        for (int i = 0; i < 20; i++) {
            failToCreate(MachineConfig.builder(noKernel).name("leaktest"));
            failToCreate(MachineConfig.builder(kernel)
                    .name("leaktest")
                    .disk(DiskConfig.raw(directory.resolve("missing"))));
            failToCreate(MachineConfig.builder(kernel).name("leaktest").cpus(100_000));
            failToCreate(MachineConfig.builder(kernel).name("leaktest").debugExitPort(0x3f8));
            failToCreate(MachineConfig.builder(kernel).name("leaktest").serialGatePort(0x3f8));
            failToCreate(MachineConfig.builder(kernel).name("leaktest").memoryBytes(Long.MAX_VALUE));
        }

        assertEquals(descriptorsBefore, entries("/proc/self/fd"));
        assertEquals(List.of(), machineThreads());
        assertEquals(List.of(), machineMappings());
    }

    private static void failToCreate(MachineConfig.Builder config) {
        try {
            Machine.create(config.build()).close();
        } catch (VmException e) {
            assertTrue(e instanceof VmException.Configuration, e.toString());
            return;
        }
        throw new AssertionError("The machine was made");
    }
}

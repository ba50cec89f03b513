// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.DeviceConfig;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.virtio.net.VirtualSwitch;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * The attack of {@link HostileDriverIT} on devices that are no disks: a disk next to them keeps working, they work again
 * after a reset, nothing outside of the shared folder changes, and the host's process neither grows nor keeps anything. The
 * system property {@code isthmus.attack.devices.seconds} makes it shorter or longer.
 */
@RequiresKvm
class HostileDevicesIT {
    private static final long SEED = 20261123;
    private static final int SECONDS = Integer.getInteger("isthmus.attack.devices.seconds", 12);
    private static final long IMAGE_BYTES = 4 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** As {@link HostileDriverIT} has them. */
    private static final long HEAP_GROWTH_MAX_BYTES = 32 << 20;

    private static final long RESIDENT_GROWTH_MAX_BYTES = 128 << 20;

    /** Files that the guest has open or knows of, of which there are few names. */
    private static final long OPEN_FILES_MAX = 4096;

    private static final long DESCRIPTOR_GROWTH_MAX = 16;
    private static final int THREAD_GROWTH_MAX = 8;

    @TempDir
    Path folder;

    private Path shared;

    private List<DeviceConfig> devices() throws Exception {
        shared = Files.createDirectory(folder.resolve("shared"));
        NetConfig port = NetConfig.of(new NetworkLink.Switched(new VirtualSwitch()));
        return List.of(port, port.withPacked(true), FolderConfig.of(shared, "shared").withPacked(true));
    }

    private static void awaitProgress(Vm vm, int seconds) throws Exception {
        for (int i = 0; i < seconds; i++) {
            vm.serial().awaitText("progress ops=", PATIENCE);
        }
    }

    private Vm start(VirtioTransport transport, List<DeviceConfig> devices) throws Exception {
        String command =
                "attack depth=4 targets=0 seed=" + SEED + " seconds=" + SECONDS + " tsc_khz=" + DriverGuest.tscKhz();
        Path image = SparseFile.ofLength(folder.resolve("used"), IMAGE_BYTES);
        VmBuilder builder = DriverGuest.running(transport, command).cpus(2).disk(DiskConfig.raw(image));
        for (DeviceConfig device : devices) {
            builder.device(device);
        }
        return builder.start();
    }

    @ParameterizedTest
    @EnumSource(VirtioTransport.class)
    void devicesUnderAttackLeaveTheirNeighbourAndTheHostUnharmed(VirtioTransport transport) throws Exception {
        DriverGuest.elf();
        List<DeviceConfig> devices = devices();
        Path outside = Files.writeString(folder.resolve("outside"), "unchanged");
        HostUsage before = HostUsage.now();
        long heapBefore = HostUsage.heapBytes();

        String console;
        HostUsage early;
        HostUsage late;
        try (Vm vm = start(transport, devices)) {
            awaitProgress(vm, SECONDS / 4);
            early = HostUsage.now();
            awaitProgress(vm, SECONDS / 2);
            late = HostUsage.now();
            console = DriverGuest.awaitSuccess(vm);
        }
        long heapAfter = HostUsage.heapBytes();
        HostUsage after = HostUsage.now();

        assertEquals(devices.size(), DriverGuest.field(console, "result", "recovered"), console);
        for (String type : List.of("net", "fs")) {
            assertTrue(DriverGuest.field(console, "used", type) > 0, console);
        }
        assertTrue(DriverGuest.field(console, "result", "packed_used") > 0, console);
        assertTrue(DriverGuest.field(console, "result", "ops") > 0, console);
        assertEquals("unchanged", Files.readString(outside));
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(3, left.count());
        }
        String usage = before + " before, " + early + " early, " + late + " late, " + after + " after";
        assertTrue(heapAfter - heapBefore < HEAP_GROWTH_MAX_BYTES, () -> heapBefore + " bytes, then " + heapAfter);
        assertTrue(late.residentBytes() - early.residentBytes() < RESIDENT_GROWTH_MAX_BYTES, usage);
        assertTrue(late.descriptors() - before.descriptors() <= OPEN_FILES_MAX, usage);
        assertTrue(after.descriptors() - before.descriptors() <= DESCRIPTOR_GROWTH_MAX, usage);
        assertTrue(after.threads() - before.threads() <= THREAD_GROWTH_MAX, usage);
    }
}

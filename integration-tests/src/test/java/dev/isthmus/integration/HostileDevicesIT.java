// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.BalloonConfig;
import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.DeviceConfig;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.RngConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.VsockConfig;
import dev.isthmus.machine.serial.SerialConfig;
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
    private static final int SECONDS = Integer.getInteger("isthmus.attack.devices.seconds", 10);
    private static final long IMAGE_BYTES = 4 << 20;
    private static final int CID = 3;

    /** The first of the ports of the host that the guest connects to; nobody listens at the others. */
    private static final int PORT = 5000;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** As {@link HostileDriverIT} has them. */
    private static final long HEAP_GROWTH_MAX_BYTES = 32 << 20;

    private static final long RESIDENT_GROWTH_MAX_BYTES = 128 << 20;

    /** What the guest may have open meanwhile: files, of which there are few names, and streams. */
    private static final long OPEN_FILES_MAX = 4096;

    private static final long DESCRIPTOR_GROWTH_MAX = 16;
    private static final int THREAD_GROWTH_MAX = 8;

    private static final ConsoleConfig CONSOLE = ConsoleConfig.EMPTY
            .withConsole(new SerialConfig.Null())
            .withChannel("channel", new SerialConfig.Null())
            .withPacked(true);

    @TempDir
    Path folder;

    private List<DeviceConfig> devices() throws IOException {
        NetConfig port = NetConfig.of(new NetworkLink.Switched(new VirtualSwitch()));
        return List.of(
                port,
                port.withPacked(true),
                FolderConfig.of(Files.createDirectory(folder.resolve("shared")), "shared").withPacked(true),
                RngConfig.DEFAULT.withPacked(true),
                CONSOLE,
                VsockConfig.of(CID, folder.resolve("vsock")).withPacked(true));
    }

    /** Takes what comes from each connection in turn, and gives some of it back. */
    private static void answer(ServerSocketChannel listener) {
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        while (listener.isOpen()) {
            try (SocketChannel channel = listener.accept()) {
                while (channel.read(buffer.clear()) >= 0) {
                    channel.write(buffer.flip().limit(buffer.limit() / 2));
                }
            } catch (ClosedChannelException e) {
                return;
            } catch (IOException e) {
                // The guest has reset that one.
            }
        }
    }

    private Vm start(VirtioTransport transport, String options, List<DeviceConfig> devices) throws Exception {
        String command = "attack depth=4 targets=0 seed=" + SEED + " seconds=" + SECONDS + " tsc_khz="
                + DriverGuest.tscKhz() + options;
        Path image = SparseFile.ofLength(folder.resolve("used"), IMAGE_BYTES);
        VmBuilder builder = DriverGuest.running(transport, command).cpus(2).disk(DiskConfig.raw(image));
        for (DeviceConfig device : devices) {
            builder.device(device);
        }
        return builder.start();
    }

    private static void awaitProgress(Vm vm, int seconds) throws Exception {
        for (int i = 0; i < seconds; i++) {
            vm.serial().awaitText("progress ops=", PATIENCE);
        }
    }

    /** Runs an attack; returns what the guest said. Fails unless host and neighbour are as ever. */
    private String attack(VirtioTransport transport, String options, List<DeviceConfig> devices) throws Exception {
        // Its compiler's process leaves a thread of the JDK's behind.
        DriverGuest.elf();
        HostUsage before = HostUsage.now();
        long heapBefore = HostUsage.heapBytes();

        String console;
        HostUsage early;
        HostUsage late;
        try (Vm vm = start(transport, options, devices)) {
            awaitProgress(vm, SECONDS / 4);
            early = HostUsage.now();
            awaitProgress(vm, SECONDS / 2);
            late = HostUsage.now();
            console = DriverGuest.awaitSuccess(vm);
        }
        long heapAfter = HostUsage.heapBytes();
        HostUsage after = HostUsage.now();

        assertEquals(devices.size(), DriverGuest.field(console, "result", "recovered"), console);
        assertTrue(DriverGuest.field(console, "result", "packed_used") > 0, console);
        assertTrue(DriverGuest.field(console, "result", "ops") > 0, console);
        String usage = before + " before, " + early + " early, " + late + " late, " + after + " after";
        assertTrue(heapAfter - heapBefore < HEAP_GROWTH_MAX_BYTES, () -> heapBefore + " bytes, then " + heapAfter);
        assertTrue(late.residentBytes() - early.residentBytes() < RESIDENT_GROWTH_MAX_BYTES, usage);
        assertTrue(late.descriptors() - before.descriptors() <= OPEN_FILES_MAX, usage);
        assertTrue(after.descriptors() - before.descriptors() <= DESCRIPTOR_GROWTH_MAX, usage);
        assertTrue(after.threads() - before.threads() <= THREAD_GROWTH_MAX, usage);
        return console;
    }

    @ParameterizedTest
    @EnumSource(VirtioTransport.class)
    void devicesUnderAttackLeaveTheirNeighbourAndTheHostUnharmed(VirtioTransport transport) throws Exception {
        Path outside = Files.writeString(folder.resolve("outside"), "unchanged");
        String console;
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(UnixDomainSocketAddress.of(folder.resolve("vsock_" + PORT)));
            Thread.ofVirtual().start(() -> answer(listener));

            console = attack(transport, "", devices());
        }

        for (String type : List.of("net", "fs", "rng", "console", "vsock")) {
            assertTrue(DriverGuest.field(console, "used", type) > 0, console);
        }
        assertEquals("unchanged", Files.readString(outside));
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(
                    List.of("outside", "shared", "used", "vsock_" + PORT),
                    left.map(path -> path.getFileName().toString()).sorted().toList());
        }
    }

    @ParameterizedTest
    @EnumSource(VirtioTransport.class)
    void aBalloonUnderAttackTakesAwayNoPagesButThoseThatItIsGiven(VirtioTransport transport) throws Exception {
        List<DeviceConfig> balloon = List.of(
                BalloonConfig.DEFAULT.withReporting(true).withPacked(true));

        String console = attack(transport, " balloon=1", balloon);

        assertTrue(DriverGuest.field(console, "used", "balloon") > 0, console);
    }
}

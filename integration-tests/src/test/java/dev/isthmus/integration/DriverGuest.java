// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.VmFd;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The freestanding guest of {@code integration-tests/guests}, which drives virtio devices without an operating system. */
final class DriverGuest {
    private static final Path RECIPE = Path.of("guests", "build");

    /** It ends in seconds; this is for machines that do much else. */
    private static final Duration DEADLINE = Duration.ofSeconds(150);

    private static final int SECTOR_BYTES = 512;
    private static final long SPLITMIX_GAMMA = 0x9e37_79b9_7f4a_7c15L;

    private static boolean built;

    private DriverGuest() {}

    /** Returns its ELF file, built by the host's compiler once in a run. */
    static synchronized Path elf() throws IOException, InterruptedException {
        Path elf = Path.of("target", "driver-guest.elf");
        if (!built) {
            Files.createDirectories(elf.getParent());
            HostTool.succeed(RECIPE.toString(), elf.toString());
            built = true;
        }
        return elf;
    }

    /** A machine that runs a command of the guest; its disks are still to be added. */
    static VmBuilder running(VirtioTransport transport, String command) throws IOException, InterruptedException {
        String name = transport == VirtioTransport.PCI ? "pci" : "mmio";
        return Vm.builder()
                .kernel(elf())
                .commandLine(command + " transport=" + name)
                .memory("64M")
                .transport(transport)
                .debugExit(MachineLayout.DEBUG_EXIT_PORT);
    }

    /** Returns how fast the guest's clock runs, its time-stamp counter, for what it does by time. */
    static int tscKhz() {
        try (Kvm kvm = Kvm.open(Kvm.DEFAULT_PATH);
                VmFd vm = kvm.createVm();
                VcpuFd vcpu = vm.createVcpu(0)) {
            return vcpu.tscKhz();
        }
    }

    /** Waits until the guest has ended well; returns what it said. */
    static String awaitSuccess(Vm vm) throws InterruptedException {
        VmResult result = vm.awaitExit(DEADLINE);
        String console = vm.serial().text();
        assertEquals(new VmResult.DebugExit(0), result, console);
        return console;
    }

    /** Returns a number that the guest printed, in the first line that begins with a word. */
    static long field(String console, String line, String name) {
        Matcher matcher = Pattern.compile("(?m)^" + line + " .*\\b" + name + "=(\\d+)").matcher(console);
        assertTrue(matcher.find(), () -> "no " + name + " in a line " + line + ":\n" + console);
        return Long.parseLong(matcher.group(1));
    }

    /** Returns what a verifying run writes to a block, as pattern.h has it. */
    private static byte[] pattern(int lengthBytes, long seed, long sector, int version) {
        ByteBuffer block = ByteBuffer.allocate(lengthBytes).order(ByteOrder.LITTLE_ENDIAN);
        long word = mix64(seed ^ (sector << 8 | version));
        while (block.hasRemaining()) {
            block.putLong(word);
            word += SPLITMIX_GAMMA;
        }
        return block.array();
    }

    /** Fails unless an image holds what a run has written that wrote each of its blocks once. */
    static void assertWritten(Path image, int blockBytes, int blocks, long seed) throws IOException {
        byte[] content = Files.readAllBytes(image);
        for (int block = 0; block < blocks; block++) {
            byte[] written = Arrays.copyOfRange(content, block * blockBytes, (block + 1) * blockBytes);
            byte[] expected = pattern(blockBytes, seed, (long) block * blockBytes / SECTOR_BYTES, 1);
            assertArrayEquals(expected, written, "block " + block);
        }
    }

    /** The mixing function of SplitMix64 (random.h). */
    static long mix64(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xbf58_476d_1ce4_e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d0_49bb_1331_11ebL;
        return z ^ (z >>> 31);
    }
}

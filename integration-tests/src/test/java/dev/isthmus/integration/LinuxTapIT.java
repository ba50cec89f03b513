// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.tools.HostPrograms;
import dev.isthmus.vmm.DemoGuest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A Linux guest of the command talks to its host through a tap: DHCP, ping, TCP both ways with checksums and segments left to
 * the other side.
 */
@RequiresKvm
class LinuxTapIT {
    private static final Path PROGRAM = Path.of("..", "vmm", "target", "isthmus", "bin", "isthmus");
    private static final Duration DEADLINE = Duration.ofMinutes(4);
    private static final String HOST = "10.8.0.1";
    private static final String GUEST = "10.8.0.50";

    /** Of a guest that has written 0 to the debug-exit port. */
    private static final int STATUS_DEBUG_EXIT_0 = 1;

    private static final String SCRIPT = LinuxNetScript.SERVE
            + "ip link set eth0 up; udhcpc -q -i eth0 > /dev/null || exit 1; ping -c 3 -i 0.2 " + HOST + " || exit 2; "
            + "echo queues=$(ls /sys/class/net/eth0/queues | grep -c tx); echo serving; "
            + LinuxNetScript.fetchFrom(HOST) + "exit 0";

    @RegisterExtension
    final NetworkNamespace network = new NetworkNamespace();

    @TempDir
    Path folder;

    @BeforeEach
    void needsPrograms() {
        HostPrograms.require("dnsmasq", "busybox");
    }

    private static String md5(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(Files.readAllBytes(file)));
    }

    /** Runs a guest with an interface, which the host's side of has the address of {@link #HOST}. */
    private void talk(String hostInterface, int queues, String... options) throws Exception {
        Path served = Files.createDirectory(folder.resolve("served"));
        byte[] content = new byte[LinuxNetScript.BYTES];
        new Random(queues).nextBytes(content);
        Path out = Files.write(served.resolve("out"), content);
        DemoGuest guest = DemoGuest.locate();
        List<String> command = new ArrayList<>(List.of(
                PROGRAM.toString(), "run",
                "--kernel", GuestKernel.ELF_PVH.file().toString(),
                "--initrd", guest.initrd().toString(),
                "--debug-exit", "0x" + Integer.toHexString(MachineLayout.DEBUG_EXIT_PORT),
                "--cmdline", guest.commandLine(List.of("sh", "-c", SCRIPT))));
        command.addAll(List.of(options));
        List<String> dhcp = List.of(
                "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=" + hostInterface, "--user=root",
                "--bind-interfaces", "--dhcp-range=" + GUEST + "," + GUEST + ",255.255.255.0",
                "--dhcp-leasefile=" + folder.resolve("leases"));
        List<String> web = List.of("busybox", "httpd", "-f", "-p", HOST + ":80", "-h", served.toString());

        try (ChildProgram _ = ChildProgram.start(DEADLINE, network.inside(dhcp));
                ChildProgram _ = ChildProgram.start(DEADLINE, network.inside(web));
                ChildProgram program = ChildProgram.start(DEADLINE, network.inside(command))) {
            program.awaitLine("serving");
            Path in = folder.resolve("in");
            network.succeed("busybox", "wget", "-q", "-O", in.toString(), "http://" + GUEST + "/out");
            Files.createFile(served.resolve("done"));
            int status = program.awaitEnd();

            String console = program.toString();
            assertEquals(STATUS_DEBUG_EXIT_0, status, console);
            assertTrue(console.contains("3 packets transmitted, 3 packets received, 0% packet loss"), console);
            assertTrue(console.contains("queues=" + queues), console);
            assertEquals(LinuxNetScript.sum(console, "sent"), md5(in));
            assertEquals(md5(out), LinuxNetScript.sum(console, "received"));
        }
    }

    @Test
    void guestTalksThroughATapThatIsMadeForItOnABridge() throws Exception {
        network.ip("link", "add", "br0", "type", "bridge");
        network.ip("addr", "add", HOST + "/24", "dev", "br0");
        network.ip("link", "set", "br0", "up");

        talk("br0", 1, "--net", "tap,bridge=br0,mac=52:54:00:00:00:08");
    }

    @Test
    void guestWithTwoCpusTalksThroughBothQueuesOfATapThatWasThere() throws Exception {
        network.ip("tuntap", "add", "lan0", "mode", "tap", "vnet_hdr", "multi_queue");
        network.ip("addr", "add", HOST + "/24", "dev", "lan0");
        network.ip("link", "set", "lan0", "up");

        talk("lan0", 2, "--cpus", "2", "--transport", "mmio", "--net", "tap,name=lan0,queues=2");

        assertTrue(network.ip("link", "show", "lan0").contains("lan0"), "the tap is not the program's to remove");
    }
}

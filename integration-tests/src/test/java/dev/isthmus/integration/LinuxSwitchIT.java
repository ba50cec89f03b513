// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.DeviceStatistics;
import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.tools.HostPrograms;
import dev.isthmus.virtio.net.MacAddress;
import dev.isthmus.virtio.net.VirtualSwitch;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Two Linux guests of one process talk over a switch: ping, and TCP both ways at once. */
@RequiresKvm
class LinuxSwitchIT {
    private static final MacAddress SERVER_MAC = MacAddress.parse("52:54:00:00:00:01");

    /** What each sends: enough for segmentation, and little to emulate where KVM has to. */
    private static final int BYTES = 256 << 10;

    private static final String END = "echo received=$(md5sum < /tmp/in); exit 33";

    private static final String SERVER = begin(1) + "ip addr add 10.7.0.1/24 dev eth0; ip link set eth0 up; "
            + "nc -l -p 5000 < /tmp/out > /tmp/in; " + END;

    private static final String CLIENT = begin(2) + "ip addr add 10.7.0.2/24 dev eth0; ip link set eth0 up; "
            + "until ping -c 1 -W 1 10.7.0.1 > /dev/null; do :; done; ping -c 3 -i 0.2 10.7.0.1; "
            + "until nc 10.7.0.1 5000 < /tmp/out > /tmp/in; do sleep 0.2; done; "
            + END;

    /** Each sends another part of the same file. */
    private static String begin(int part) {
        return "dd if=/bin/busybox of=/tmp/out bs=64k count=4 skip=" + 4 * part
                + " 2>/dev/null; echo sent=$(md5sum < /tmp/out); ";
    }

    @TempDir
    Path folder;

    private static Vm start(String script, VirtioTransport transport, NetConfig net) {
        return LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                .transport(transport)
                .device(net)
                .start();
    }

    private static String sum(String console, String name) {
        Matcher matcher = Pattern.compile(name + "=([0-9a-f]{32})").matcher(console);
        assertTrue(matcher.find(), () -> "no " + name + ":\n" + console);
        return matcher.group(1);
    }

    private static void talk(VirtioTransport transport, UnaryOperator<NetConfig> change) throws Exception {
        VirtualSwitch lan = new VirtualSwitch();
        NetConfig port = change.apply(NetConfig.of(new NetworkLink.Switched(lan)));
        try (Vm server = start(SERVER, transport, port.withMac(SERVER_MAC));
                Vm client = start(CLIENT, transport, port.withCapture(null))) {
            VmResult clientResult = LinuxGuest.awaitEnd(client);
            VmResult serverResult = LinuxGuest.awaitEnd(server);

            String clientConsole = client.serial().text();
            String serverConsole = server.serial().text();
            assertEquals(new VmResult.DebugExit(33), clientResult, clientConsole);
            assertEquals(new VmResult.DebugExit(33), serverResult, serverConsole);
            assertTrue(clientConsole.contains("3 packets transmitted, 3 packets received, 0% packet loss"), clientConsole);
            assertEquals(sum(clientConsole, "sent"), sum(serverConsole, "received"));
            assertEquals(sum(serverConsole, "sent"), sum(clientConsole, "received"));
            Map<String, Long> counters = statistics(server).counters();
            assertTrue(counters.get("receive_bytes") > BYTES, counters.toString());
            assertTrue(counters.get("transmit_bytes") > BYTES, counters.toString());
            assertEquals(0, counters.get("transmit_invalid"), counters.toString());
            assertEquals(0, counters.get("receive_invalid"), counters.toString());
        }
    }

    private static DeviceStatistics statistics(Vm vm) {
        return vm.statistics().get(0);
    }

    @Test
    void guestsTalkOverPci() throws Exception {
        talk(VirtioTransport.PCI, UnaryOperator.identity());
    }

    @Test
    void guestsTalkOverMmioAndWithPackedQueues() throws Exception {
        talk(VirtioTransport.MMIO, net -> net.withPacked(true));
    }

    @Test
    void guestsTalkWithoutOffloadsWhichTsharkSeesInACapture() throws Exception {
        HostPrograms.require("tshark");
        Path capture = folder.resolve("capture.pcapng");
        talk(VirtioTransport.PCI, net -> net.withOffloads(false).withCapture(capture));

        // All checksums are whole where nothing was left to anybody: tshark computes them again.
        String packets = HostTool.succeed(
                "tshark", "-r", capture.toString(), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields", "-e",
                "_ws.col.Protocol", "-e", "tcp.checksum.status", "-e", "icmp.checksum.status");

        assertTrue(packets.contains("ICMP\t\t1"), packets);
        assertTrue(packets.contains("TCP\t1\t"), packets);
        assertTrue(!packets.contains("TCP\t0\t"), packets);
    }
}

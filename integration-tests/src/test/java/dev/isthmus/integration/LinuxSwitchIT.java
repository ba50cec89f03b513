// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.MachineNetwork;
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
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Two Linux guests of one process talk over a switch: ping, and TCP both ways. */
@RequiresKvm
class LinuxSwitchIT {
    private static final String SERVER = LinuxNetScript.SERVE
            + "ip addr add 10.7.0.1/24 dev eth0; ip link set eth0 up; "
            + "until wget -q -O /tmp/in http://10.7.0.2/out; do sleep 0.3; done; "
            + "echo received=$(md5sum < /tmp/in); touch /tmp/done; "
            // The client ends when it has seen that; its answers to the last request must not get lost with this guest.
            + "until ! ping -c 1 -W 2 10.7.0.2 > /dev/null; do sleep 0.3; done; exit 33";

    private static final String CLIENT = LinuxNetScript.SERVE
            + "ip addr add 10.7.0.2/24 dev eth0; ip link set eth0 up; "
            + "until ping -c 1 -W 1 10.7.0.1 > /dev/null; do :; done; ping -c 3 -i 0.2 10.7.0.1; "
            + LinuxNetScript.fetchFrom("10.7.0.1") + "exit 33";

    @TempDir
    Path folder;

    private static Vm start(String script, VirtioTransport transport, NetConfig net) {
        return LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                .transport(transport)
                .device(net)
                .start();
    }

    private static void talk(VirtioTransport transport, UnaryOperator<NetConfig> change) throws Exception {
        VirtualSwitch lan = new VirtualSwitch();
        NetConfig port = change.apply(NetConfig.of(new NetworkLink.Switched(lan)));
        try (Vm server = start(SERVER, transport, port);
                Vm client = start(CLIENT, transport, port.withCapture(null))) {
            VmResult clientResult = LinuxGuest.awaitEnd(client);
            String clientConsole = client.serial().text();
            assertEquals(new VmResult.DebugExit(33), clientResult, clientConsole);
            VmResult serverResult = LinuxGuest.awaitEnd(server);
            String serverConsole = server.serial().text();
            assertEquals(new VmResult.DebugExit(33), serverResult, serverConsole);

            assertTrue(clientConsole.contains("3 packets transmitted, 3 packets received, 0% packet loss"), clientConsole);
            assertEquals(LinuxNetScript.sum(clientConsole, "sent"), LinuxNetScript.sum(serverConsole, "received"));
            assertEquals(LinuxNetScript.sum(serverConsole, "sent"), LinuxNetScript.sum(clientConsole, "received"));
            Map<String, Long> counters = server.statistics().get(0).counters();
            assertTrue(counters.get("receive_bytes") > LinuxNetScript.BYTES, counters.toString());
            assertTrue(counters.get("transmit_bytes") > LinuxNetScript.BYTES, counters.toString());
            assertEquals(0L, counters.get("transmit_invalid"), counters.toString());
            assertEquals(0L, counters.get("receive_invalid"), counters.toString());
        }
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
                "tshark", "-r", capture.toString(), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields",
                "-e", "_ws.col.Protocol", "-e", "tcp.checksum.status", "-e", "icmp.checksum.status");

        assertTrue(packets.contains("ICMP\t\t1"), packets);
        assertTrue(packets.contains("TCP\t1\t"), packets);
        assertFalse(packets.contains("TCP\t0\t"), packets);
    }

    @Test
    void guestSeesItsMtuAndItsCablePulledAndPluggedIn() throws Exception {
        String script = "cd /sys/class/net/eth0; ip link set eth0 up; echo mtu=$(cat mtu); echo mac=$(cat address); "
                + "until [ $(cat carrier) = 0 ]; do sleep 0.1; done; echo unplugged; "
                + "until [ $(cat carrier) = 1 ]; do sleep 0.1; done; echo plugged; exit 33";
        NetConfig net = NetConfig.of(new NetworkLink.Switched(new VirtualSwitch()))
                .withMtu(1400)
                .withMac(MacAddress.parse("52:54:00:ab:cd:ef"))
                .withId("lan");
        try (Vm vm = start(script, VirtioTransport.PCI, net)) {
            vm.serial().awaitText("mac=", LinuxGuest.DEADLINE);
            MachineNetwork network = vm.network("lan");

            network.setLink(false);
            vm.serial().awaitText("unplugged", LinuxGuest.DEADLINE);
            assertFalse(network.linkUp());
            network.setLink(true);
            VmResult result = LinuxGuest.awaitEnd(vm);

            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(33), result, console);
            assertTrue(console.contains("mtu=1400"), console);
            assertTrue(console.contains("mac=52:54:00:ab:cd:ef"), console);
            assertTrue(network.linkUp());
        }
    }
}

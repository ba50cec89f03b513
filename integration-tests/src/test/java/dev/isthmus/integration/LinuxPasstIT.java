// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.net.PasstOptions;
import dev.isthmus.machine.net.PortForward;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.tools.HostPrograms;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A Linux guest uses its host's network through passt: DHCP, a forwarded port, and the way back; and passt goes away. */
@RequiresKvm
class LinuxPasstIT {
    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @Test
    void hostFetchesThroughAForwardedPortAndTheGuestSurvivesPasstsDeath() throws Exception {
        HostPrograms.require("passt");
        int port = freePort();
        PortForward forward =
                new PortForward(PortForward.Protocol.TCP, InetAddress.ofLiteral("127.0.0.1"), port, 80);
        NetConfig net = NetConfig.of(new NetworkLink.User(PasstOptions.DEFAULT.withForwards(List.of(forward))));
        String script = LinuxNetScript.SERVE
                + "ip link set eth0 up; udhcpc -q -i eth0 > /dev/null || exit 1; echo serving; "
                + "until [ $(cat /sys/class/net/eth0/carrier) = 0 ]; do sleep 0.3; done; echo unplugged; exit 33";

        try (Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script).device(net).start()) {
            vm.serial().awaitText("serving", LinuxGuest.DEADLINE);
            byte[] fetched;
            try (InputStream body =
                    URI.create("http://127.0.0.1:" + port + "/out").toURL().openStream()) {
                fetched = body.readAllBytes();
            }
            String console = vm.serial().text();
            assertEquals(
                    LinuxNetScript.sum(console, "sent"),
                    HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(fetched)));

            ProcessHandle passt = passt();
            passt.destroyForcibly();
            VmResult result = LinuxGuest.awaitEnd(vm);

            assertEquals(new VmResult.DebugExit(33), result, vm.serial().text());
            assertTrue(vm.serial().text().contains("unplugged"));
        }
        assertFalse(ProcessHandle.current().children().anyMatch(LinuxPasstIT::isPasst), "passt still runs");
    }

    private static ProcessHandle passt() {
        return ProcessHandle.current().children().filter(LinuxPasstIT::isPasst).findFirst().orElseThrow();
    }

    private static boolean isPasst(ProcessHandle process) {
        return process.info().command().map(command -> command.contains("passt")).orElse(false);
    }
}

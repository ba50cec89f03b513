// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.device.Rate;
import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.net.PasstOptions;
import dev.isthmus.machine.net.PortForward;
import dev.isthmus.machine.net.TapOptions;
import dev.isthmus.virtio.net.MacAddress;
import dev.isthmus.virtio.net.NetLimits;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class NetOptionTest {
    @Test
    void tapWithoutPartsIsANewOneWithAnyName() {
        assertEquals(
                NetConfig.of(new NetworkLink.Tap(new TapOptions(TapOptions.ANY_NAME))), NetOption.parse("tap"));
    }

    @Test
    void everyDetailOfATapArrives() {
        NetConfig net = NetOption.parse("tap,name=tap7,queues=2,bridge=br0,persist=on,up=off,mtu=9000,mac=02:00:00:00:00:07,"
                + "offloads=off,packed=on,link=off,capture=a,,b.pcapng,id=lan,rx-bps=10M,rx-bps-max=20M,"
                + "rx-bps-max-length=3,tx-pps=1000");

        assertEquals(
                new NetworkLink.Tap(new TapOptions("tap7")
                        .withQueuePairs(2)
                        .withBridge("br0")
                        .withPersistent(true)
                        .withUp(false)
                        .withMtu(9000)),
                net.link());
        assertEquals(MacAddress.parse("02:00:00:00:00:07"), net.mac());
        assertEquals(9000, net.mtuBytes());
        assertFalse(net.offloads());
        assertTrue(net.packed());
        assertFalse(net.linkUp());
        assertEquals(Path.of("a,b.pcapng"), net.capture());
        assertEquals("lan", net.id());
        assertEquals(
                new NetLimits(Rate.UNLIMITED, new Rate(10 << 20, 20 << 20, 3), Rate.of(1000), Rate.UNLIMITED), net.limits());
    }

    @Test
    void inheritedTapHasADescriptorForEachQueue() {
        assertEquals(new NetworkLink.TapDescriptors(List.of(3, 4)), NetOption.parse("tap,fd=3:4").link());
    }

    @Test
    void userNetworkTakesForwardsInQemusNotation() {
        NetConfig net = NetOption.parse("user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::5353-:53,"
                + "hostfwd=tcp:[::1]:8080-:80,address=10.1.0.2,gateway=10.1.0.1,dns=10.1.0.1,dns=fd00::1,host-loopback=on");

        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        assertEquals(
                new NetworkLink.User(PasstOptions.DEFAULT
                        .withForwards(List.of(
                                new PortForward(PortForward.Protocol.TCP, loopback, 2222, 22),
                                new PortForward(PortForward.Protocol.UDP, null, 5353, 53),
                                new PortForward(PortForward.Protocol.TCP, InetAddress.ofLiteral("::1"), 8080, 80)))
                        .withGuestAddresses(List.of(InetAddress.ofLiteral("10.1.0.2")))
                        .withGateways(List.of(InetAddress.ofLiteral("10.1.0.1")))
                        .withNameServers(List.of(InetAddress.ofLiteral("10.1.0.1"), InetAddress.ofLiteral("fd00::1")))
                        .withHostLoopback(true)),
                net.link());
    }

    @Test
    void socketListensOrConnectsOrIsInherited() {
        assertEquals(new NetworkLink.Listening(Path.of("/run/a")), NetOption.parse("socket,listen=/run/a").link());
        assertEquals(new NetworkLink.Connecting(Path.of("/run/a")), NetOption.parse("socket,connect=/run/a").link());
        assertEquals(new NetworkLink.SocketDescriptor(5), NetOption.parse("socket,fd=5").link());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "bridge|unknown network 'bridge'",
        "tap,hostfwd=tcp::1-:1|unknown key 'hostfwd'",
        "tap,name=a/b|the name of a tap",
        "tap,name=|name has no value",
        "tap,fd=3,name=tap0|fd excludes name",
        "tap,fd=x|fd=x is no descriptor",
        "tap,fd=3:|is no descriptor",
        "tap,queues=0|queue pairs",
        "tap,mtu=60|MTU",
        "tap,mac=1:2|mac=1:2: a MAC address is written as",
        "user,hostfwd=22|hostfwd=22 is no forward",
        "user,hostfwd=tcp:127.0.0.1:2222-22|is no forward",
        "user,hostfwd=sctp::1-:1|is no forward",
        "user,hostfwd=tcp:host:1-:1|'host' is no IP address",
        "user,hostfwd=tcp::70000-:1|a port is from 1 to 65535",
        "user,address=ten|'ten' is no IP address",
        "user,mtu=500|MTU",
        "socket|one of listen, connect and fd",
        "socket,listen=a,connect=b|one of listen, connect and fd",
        "user,rx-pps=many|rx-pps=many is not a number of packets",
        "user,tx-bps-max=1M|a burst needs a rate",
    })
    void whatCannotBeIsRefusedInOneLine(String text, String message) {
        VmException refusal = assertThrows(VmException.Configuration.class, () -> NetOption.parse(text));

        String line = String.valueOf(refusal.getMessage());
        assertTrue(line.startsWith("--net: ") && line.contains(message) && !line.contains("\n"), line);
        assertFalse(refusal.remedy().isEmpty());
    }
}

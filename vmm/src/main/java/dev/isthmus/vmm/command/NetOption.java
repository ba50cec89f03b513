// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.net.PasstOptions;
import dev.isthmus.machine.net.PortForward;
import dev.isthmus.machine.net.TapOptions;
import dev.isthmus.virtio.net.MacAddress;
import dev.isthmus.virtio.net.NetLimits;
import dev.isthmus.virtio.net.VirtioNetOptions;

/** The value of {@code --net}: a kind of network, and parts. What it can't be is refused in one line. */
final class NetOption {
    private static final String NAME = "--net";

    /** Those of all kinds. */
    private static final String[] COMMON_KEYS = {
        "mac", "mtu", "offloads", "packed", "link", "capture", "id",
        "rx-bps", "rx-bps-max", "rx-bps-max-length", "tx-bps", "tx-bps-max", "tx-bps-max-length",
        "rx-pps", "rx-pps-max", "rx-pps-max-length", "tx-pps", "tx-pps-max", "tx-pps-max-length"
    };

    private static final String[] TAP_KEYS = {"name", "fd", "queues", "bridge", "persist", "up"};
    private static final String[] USER_KEYS = {"host-loopback", "runas"};
    private static final String[] USER_REPEATABLE_KEYS = {"hostfwd", "address", "gateway", "dns"};
    private static final String[] SOCKET_KEYS = {"listen", "connect", "fd"};

    private NetOption() {}

    static NetConfig parse(String text) {
        int comma = text.indexOf(',');
        String kind = comma < 0 ? text : text.substring(0, comma);
        String rest = comma < 0 ? "" : text.substring(comma + 1);
        return switch (kind) {
            case "tap" -> tap(parts(rest, TAP_KEYS, new String[0]));
            case "user" -> user(parts(rest, USER_KEYS, USER_REPEATABLE_KEYS));
            case "socket" -> socket(parts(rest, SOCKET_KEYS, new String[0]));
            default -> throw wrong("unknown network '" + kind + "'", "Known: tap, user, socket; for example --net user.");
        };
    }

    private static KeyValues parts(String text, String[] keys, String[] repeatable) {
        String[] known = new String[keys.length + COMMON_KEYS.length];
        System.arraycopy(keys, 0, known, 0, keys.length);
        System.arraycopy(COMMON_KEYS, 0, known, keys.length, COMMON_KEYS.length);
        return KeyValues.parseAny(NAME, text, known, repeatable);
    }

    private static NetConfig tap(KeyValues parts) {
        String descriptors = parts.get("fd");
        if (descriptors != null) {
            for (String key : TAP_KEYS) {
                if (!key.equals("fd") && parts.get(key) != null) {
                    throw wrong("fd excludes " + key, "Whoever has opened the tap has set it up.");
                }
            }
            return common(parts, new NetworkLink.TapDescriptors(descriptors(descriptors)));
        }
        String name = parts.get("name");
        String bridge = parts.get("bridge");
        TapOptions options;
        try {
            options = new TapOptions(name == null ? TapOptions.ANY_NAME : name)
                    .withQueuePairs(parts.getNumber("queues", 1))
                    .withMtu(parts.getNumber("mtu", TapOptions.MTU_UNCHANGED))
                    .withPersistent(parts.getSwitch("persist", false))
                    .withUp(parts.getSwitch("up", true));
            options = bridge == null ? options : options.withBridge(bridge);
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()), "For example --net tap,name=tap0,bridge=br0.");
        }
        return common(parts, new NetworkLink.Tap(options));
    }

    private static List<Integer> descriptors(String text) {
        List<Integer> numbers = new ArrayList<>();
        for (String part : text.split(":", -1)) {
            numbers.add(descriptor(part));
        }
        return numbers;
    }

    private static int descriptor(String text) {
        int number = text.isEmpty() ? -1 : RateOption.digits(text);
        if (number < 0) {
            throw wrong("fd=" + text + " is no descriptor", "Give its number, for example fd=3; a tap's queues as fd=3:4.");
        }
        return number;
    }

    private static NetConfig user(KeyValues parts) {
        List<PortForward> forwards = new ArrayList<>();
        for (String text : parts.all("hostfwd")) {
            forwards.add(forward(text));
        }
        PasstOptions options;
        try {
            options = PasstOptions.DEFAULT
                    .withForwards(forwards)
                    .withGuestAddresses(addresses(parts, "address"))
                    .withGateways(addresses(parts, "gateway"))
                    .withNameServers(addresses(parts, "dns"))
                    .withMtu(parts.getNumber("mtu", PasstOptions.MTU_OF_PASST))
                    .withHostLoopback(parts.getSwitch("host-loopback", false));
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()), "Give another.");
        }
        String runAs = parts.get("runas");
        return common(parts, new NetworkLink.User(runAs == null ? options : options.withRunAs(runAs)));
    }

    private static List<InetAddress> addresses(KeyValues parts, String key) {
        List<InetAddress> addresses = new ArrayList<>();
        for (String text : parts.all(key)) {
            addresses.add(address(key, text));
        }
        return addresses;
    }

    private static InetAddress address(String key, String text) {
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException e) {
            throw wrong(key + ": '" + text + "' is no IP address", "Give numbers, for example 10.0.2.15 or fd00::2.");
        }
    }

    /** Reads QEMU's notation: {@code tcp:127.0.0.1:2222-:22}, an IPv6 address in brackets. */
    private static PortForward forward(String text) {
        int afterProtocol = text.indexOf(':');
        int dash = text.lastIndexOf("-:");
        int beforePort = text.lastIndexOf(':', dash);
        if (afterProtocol > 0 && dash > 0 && beforePort >= afterProtocol) {
            String protocol = text.substring(0, afterProtocol);
            String host = beforePort == afterProtocol ? "" : text.substring(afterProtocol + 1, beforePort);
            if (host.startsWith("[") && host.endsWith("]")) {
                host = host.substring(1, host.length() - 1);
            }
            int hostPort = RateOption.digits(text.substring(beforePort + 1, dash));
            int guestPort = RateOption.digits(text.substring(dash + 2));
            boolean known = protocol.equals("tcp") || protocol.equals("udp");
            if (known && hostPort > 0 && guestPort > 0) {
                try {
                    return new PortForward(
                            protocol.equals("tcp") ? PortForward.Protocol.TCP : PortForward.Protocol.UDP,
                            host.isEmpty() ? null : address("hostfwd", host),
                            hostPort,
                            guestPort);
                } catch (IllegalArgumentException e) {
                    throw wrong("hostfwd=" + text + ": " + e.getMessage(), "Give ports from 1 to 65535.");
                }
            }
        }
        throw wrong(
                "hostfwd=" + text + " is no forward",
                "Write tcp:ADDRESS:HOSTPORT-:GUESTPORT or udp:..., for example hostfwd=tcp:127.0.0.1:2222-:22.");
    }

    private static NetConfig socket(KeyValues parts) {
        String listen = parts.get("listen");
        String connect = parts.get("connect");
        String descriptor = parts.get("fd");
        int given = (listen == null ? 0 : 1) + (connect == null ? 0 : 1) + (descriptor == null ? 0 : 1);
        if (given != 1) {
            throw wrong(
                    "a socket network has one of listen, connect and fd",
                    "Say --net socket,listen=PATH for one machine and --net socket,connect=PATH for the other.");
        }
        if (listen != null) {
            return common(parts, new NetworkLink.Listening(UserPath.of(listen)));
        }
        if (connect != null) {
            return common(parts, new NetworkLink.Connecting(UserPath.of(connect)));
        }
        return common(parts, new NetworkLink.SocketDescriptor(descriptor(String.valueOf(descriptor))));
    }

    private static NetConfig common(KeyValues parts, NetworkLink link) {
        String capture = parts.get("capture");
        return NetConfig.of(link)
                .withMac(mac(parts.get("mac")))
                .withMtu(parts.getNumber("mtu", VirtioNetOptions.NO_MTU))
                .withOffloads(parts.getSwitch("offloads", true))
                .withPacked(parts.getSwitch("packed", false))
                .withLinkUp(parts.getSwitch("link", true))
                .withCapture(capture == null ? null : UserPath.of(capture))
                .withId(parts.get("id"))
                .withLimits(new NetLimits(
                        RateOption.count(NAME, parts, "rx-pps"),
                        RateOption.bytes(NAME, parts, "rx-bps"),
                        RateOption.count(NAME, parts, "tx-pps"),
                        RateOption.bytes(NAME, parts, "tx-bps")));
    }

    private static @Nullable MacAddress mac(@Nullable String text) {
        if (text == null) {
            return null;
        }
        try {
            return MacAddress.parse(text);
        } catch (IllegalArgumentException e) {
            throw wrong("mac=" + text + ": " + e.getMessage(), "For example mac=52:54:00:12:34:56.");
        }
    }

    private static VmException wrong(String cause, String remedy) {
        return new VmException.Configuration(NAME + ": " + cause, remedy);
    }
}

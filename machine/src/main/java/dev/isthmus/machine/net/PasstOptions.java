// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.net.InetAddress;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * What user-mode networking is like. What is not given, passt takes from the host: the guest gets the host's own addresses
 * by DHCP, NDP and DHCPv6, with its routes and name servers.
 *
 * @param forwards ports of the host that lead to the guest; none but these do
 * @param guestAddresses the guest's addresses, at most one of IPv4 and one of IPv6
 * @param gateways what the guest has as gateways, at most one of IPv4 and one of IPv6
 * @param nameServers what the guest has as name servers
 * @param mtuBytes the MTU that the guest is told, or {@link #MTU_OF_PASST}
 * @param hostLoopback whether the gateway's address leads to the host's loopback address: a guest can use every service
 *     of the host then, those included that are for the host alone
 * @param runAs the user, and perhaps the group after a colon, that passt runs as where this program is root; null for
 *     nobody
 */
public record PasstOptions(
        List<PortForward> forwards,
        List<InetAddress> guestAddresses,
        List<InetAddress> gateways,
        List<InetAddress> nameServers,
        int mtuBytes,
        boolean hostLoopback,
        @Nullable String runAs) {
    /** What passt takes by itself, which is 65520. */
    public static final int MTU_OF_PASST = 0;

    /** Nothing forwarded, all else as the host has it. */
    public static final PasstOptions DEFAULT =
            new PasstOptions(List.of(), List.of(), List.of(), List.of(), MTU_OF_PASST, false, null);

    /** What IPv6 asks for; passt refuses less. */
    private static final int MTU_BYTES_MIN = 1280;

    private static final int MTU_BYTES_MAX = 65520;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public PasstOptions {
        forwards = List.copyOf(forwards);
        guestAddresses = List.copyOf(guestAddresses);
        gateways = List.copyOf(gateways);
        nameServers = List.copyOf(nameServers);
        if (mtuBytes != MTU_OF_PASST && (mtuBytes < MTU_BYTES_MIN || mtuBytes > MTU_BYTES_MAX)) {
            throw new IllegalArgumentException(
                    "the MTU of user-mode networking is from " + MTU_BYTES_MIN + " to " + MTU_BYTES_MAX);
        }
    }

    /** Returns the same options with other forwards. */
    public PasstOptions withForwards(List<PortForward> newForwards) {
        return new PasstOptions(newForwards, guestAddresses, gateways, nameServers, mtuBytes, hostLoopback, runAs);
    }

    /** Returns the same options with other addresses of the guest. */
    public PasstOptions withGuestAddresses(List<InetAddress> newGuestAddresses) {
        return new PasstOptions(forwards, newGuestAddresses, gateways, nameServers, mtuBytes, hostLoopback, runAs);
    }

    /** Returns the same options with other gateways. */
    public PasstOptions withGateways(List<InetAddress> newGateways) {
        return new PasstOptions(forwards, guestAddresses, newGateways, nameServers, mtuBytes, hostLoopback, runAs);
    }

    /** Returns the same options with other name servers. */
    public PasstOptions withNameServers(List<InetAddress> newNameServers) {
        return new PasstOptions(forwards, guestAddresses, gateways, newNameServers, mtuBytes, hostLoopback, runAs);
    }

    /** Returns the same options with another MTU. */
    public PasstOptions withMtu(int newMtuBytes) {
        return new PasstOptions(forwards, guestAddresses, gateways, nameServers, newMtuBytes, hostLoopback, runAs);
    }

    /** Returns the same options with or without the way to the host's loopback address. */
    public PasstOptions withHostLoopback(boolean newHostLoopback) {
        return new PasstOptions(forwards, guestAddresses, gateways, nameServers, mtuBytes, newHostLoopback, runAs);
    }

    /** Returns the same options with another user for passt. */
    public PasstOptions withRunAs(String newRunAs) {
        return new PasstOptions(forwards, guestAddresses, gateways, nameServers, mtuBytes, hostLoopback, newRunAs);
    }
}

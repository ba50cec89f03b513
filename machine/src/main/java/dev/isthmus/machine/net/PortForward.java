// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.net.InetAddress;

import org.jspecify.annotations.Nullable;

/**
 * A port of the host whose connections or datagrams go to a port of the guest.
 *
 * @param protocol which of the two
 * @param hostAddress the address of the host that it is bound to, or null for all
 * @param hostPort 1 to 65535
 * @param guestPort 1 to 65535
 */
public record PortForward(Protocol protocol, @Nullable InetAddress hostAddress, int hostPort, int guestPort) {
    private static final int PORT_MAX = 65535;

    /** What ports are of. */
    public enum Protocol {
        TCP,
        UDP
    }

    /** Checks the ranges; the message of a refusal is fit for users. */
    public PortForward {
        if (hostPort < 1 || hostPort > PORT_MAX || guestPort < 1 || guestPort > PORT_MAX) {
            throw new IllegalArgumentException("a port is from 1 to " + PORT_MAX);
        }
    }

    /** Returns passt's way of writing it (passt(1), option -t). */
    String specification() {
        InetAddress address = hostAddress;
        String ports = hostPort + ":" + guestPort;
        return address == null ? ports : address.getHostAddress() + "/" + ports;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;
import java.util.List;

import dev.isthmus.machine.net.PasstOptions;
import dev.isthmus.machine.net.TapOptions;
import dev.isthmus.virtio.net.VirtualSwitch;

/** What a network interface of the guest is connected to. */
public sealed interface NetworkLink {
    /**
     * A tap of the host, made if it does not exist.
     *
     * @param options which, and how the host's side is set up
     */
    record Tap(TapOptions options) implements NetworkLink {}

    /**
     * A tap that is open already, as whoever started this program has passed it on.
     *
     * @param descriptors one for each queue pair
     */
    record TapDescriptors(List<Integer> descriptors) implements NetworkLink {
        /** Copies the list. */
        public TapDescriptors {
            descriptors = List.copyOf(descriptors);
        }
    }

    /**
     * The host's own network, by way of {@code passt}, which needs no root.
     *
     * @param options what it is like
     */
    record User(PasstOptions options) implements NetworkLink {}

    /**
     * Another machine of this host, or any program that speaks QEMU's {@code -netdev stream}, which connects here.
     *
     * @param path where the Unix socket is made
     */
    record Listening(Path path) implements NetworkLink {}

    /**
     * Another machine of this host, or any program that speaks QEMU's {@code -netdev stream}, which listens.
     *
     * @param path where its Unix socket is
     */
    record Connecting(Path path) implements NetworkLink {}

    /**
     * A connected socket that is open already, to such a peer.
     *
     * @param descriptor its number
     */
    record SocketDescriptor(int descriptor) implements NetworkLink {}

    /**
     * A port of a switch that joins machines of this process.
     *
     * @param lan the switch
     * @param isolated whether no frames pass between this and other isolated ports of the switch
     */
    record Switched(VirtualSwitch lan, boolean isolated) implements NetworkLink {
        /** Makes a port that all others reach. */
        public Switched(VirtualSwitch lan) {
            this(lan, false);
        }
    }
}

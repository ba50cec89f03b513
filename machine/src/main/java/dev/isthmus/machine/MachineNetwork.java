// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.virtio.net.MacAddress;
import dev.isthmus.virtio.net.NetLimits;

/**
 * A network interface of a machine that lives: what can be changed while the guest uses it.
 *
 * <p>Any thread but the machine's own. What changes something throws {@link IllegalStateException} where the machine is
 * closed.
 */
public final class MachineNetwork {
    private final Network network;

    MachineNetwork(Network network) {
        this.network = network;
    }

    /** Returns what the interface was made from. */
    public NetConfig config() {
        return network.config();
    }

    /** Returns what messages call it, such as "network 0". */
    public String name() {
        return network.name();
    }

    /** Returns the address that the guest finds. */
    public MacAddress mac() {
        return network.mac();
    }

    /** Plugs the cable in or out; the guest is told. Packets are lost while it is out. */
    public void setLink(boolean up) {
        network.setLink(up);
    }

    /** Tells whether packets pass: whether the cable is in, and what it leads to is there. */
    public boolean linkUp() {
        return network.linkUp();
    }

    /**
     * Asks the guest to announce itself, so that switches learn where it is.
     *
     * @return whether there is a driver that can
     */
    public boolean announce() {
        return network.announce();
    }

    /** Returns how much may pass. */
    public NetLimits limits() {
        return network.limits();
    }

    /** Changes how much may pass, for packets that wait as well. */
    public void setLimits(NetLimits limits) {
        network.setLimits(limits);
    }
}

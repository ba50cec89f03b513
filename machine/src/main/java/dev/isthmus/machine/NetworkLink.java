// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.virtio.net.VirtualSwitch;

/** What a network interface of the guest is connected to. */
public sealed interface NetworkLink {
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

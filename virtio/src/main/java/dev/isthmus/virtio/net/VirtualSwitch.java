// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * A learning Ethernet switch between machines of one JVM (IEEE 802.1Q without VLANs: tags pass as they are). Each machine
 * has a port, which is the backend of its network device.
 *
 * <p>A frame goes to the port at which its destination was seen, or to all others. Ports may be in different loops: a frame is
 * copied once, by the sender's loop, to the queue of the port that it goes to, and once more by that port's loop, to its
 * guest. A sender never waits for a receiver: where a queue is full, the frame is dropped and counted.
 *
 * <p>Any thread. The loops of all ports have the same clock, as the machine's do.
 */
public final class VirtualSwitch {
    /** Most ports of a switch. */
    public static final int PORTS_MAX = 64;

    private final ForwardingTable table = new ForwardingTable();

    /** By port number; copied where it changes, so that senders read it without a lock. */
    private volatile @Nullable SwitchPort[] ports = new SwitchPort[0];

    /** Makes a switch without ports. */
    public VirtualSwitch() {}

    /** Adds a port that all others reach. */
    public SwitchPort newPort() {
        return newPort(false);
    }

    /**
     * Adds a port.
     *
     * @param isolated whether no frames pass between this and other isolated ports
     * @throws IllegalStateException if there are {@link #PORTS_MAX} already
     */
    public synchronized SwitchPort newPort(boolean isolated) {
        @Nullable SwitchPort[] current = ports;
        int number = 0;
        while (number < current.length && current[number] != null) {
            number++;
        }
        if (number == PORTS_MAX) {
            throw new IllegalStateException("a switch has at most " + PORTS_MAX + " ports");
        }
        SwitchPort port = new SwitchPort(this, number, isolated);
        @Nullable SwitchPort[] changed = Arrays.copyOf(current, Math.max(current.length, number + 1));
        changed[number] = port;
        ports = changed;
        return port;
    }

    synchronized void remove(int number) {
        @Nullable SwitchPort[] changed = ports.clone();
        changed[number] = null;
        ports = changed;
        table.forget(number);
    }

    ForwardingTable table() {
        return table;
    }

    /** Returns the ports by number, with gaps. Not to be changed. */
    @Nullable SwitchPort[] ports() {
        return ports;
    }
}

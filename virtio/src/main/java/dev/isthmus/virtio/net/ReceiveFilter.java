// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.Arrays;

import dev.isthmus.virtio.queue.ChainReader;

/**
 * Which frames the driver wants (virtio 1.2, sections 5.1.6.5.1 to 5.1.6.5.3): modes, MAC addresses, VLANs.
 *
 * <p>The table has room for {@value #TABLE_ENTRIES} addresses. Where unicast addresses alone are more, all unicast frames
 * pass; where the multicast ones find no room, all multicast frames pass: both as QEMU does, and within the
 * specification, which promises nothing. Everything passes until the driver says otherwise, so that one that knows no
 * modes can still be a bridge.
 *
 * <p>Loop thread only; allocates nothing.
 */
final class ReceiveFilter {
    /** As many as QEMU has. */
    static final int TABLE_ENTRIES = 64;

    private static final int VLANS = 4096;

    private long mac;
    private boolean promiscuous;
    private boolean allMulticast;
    private boolean allUnicast;
    private boolean noMulticast;
    private boolean noUnicast;
    private boolean noBroadcast;

    private long[] table = new long[TABLE_ENTRIES];
    private int tableEntries;
    private boolean unicastOverflow;
    private boolean multicastOverflow;

    /** The table that is being read. */
    private long[] spare = new long[TABLE_ENTRIES];

    private final byte[] address = new byte[MacAddress.BYTES];
    private final long[] vlans = new long[VLANS / Long.SIZE];
    private boolean vlansFiltered;

    /** Starts afresh, for a driver that has just come. */
    void reset(long newMac, boolean filterVlans) {
        mac = newMac;
        promiscuous = true;
        allMulticast = false;
        allUnicast = false;
        noMulticast = false;
        noUnicast = false;
        noBroadcast = false;
        tableEntries = 0;
        unicastOverflow = false;
        multicastOverflow = false;
        Arrays.fill(vlans, 0);
        vlansFiltered = filterVlans;
    }

    void setMac(long newMac) {
        mac = newMac;
    }

    /** Sets a mode of VIRTIO_NET_CTRL_RX; tells whether there is one such. */
    boolean setMode(int command, boolean on) {
        switch (command) {
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX_PROMISC -> promiscuous = on;
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX_ALLMULTI -> allMulticast = on;
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX_ALLUNI -> allUnicast = on;
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX_NOMULTI -> noMulticast = on;
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX_NOUNI -> noUnicast = on;
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX_NOBCAST -> noBroadcast = on;
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Replaces the table by what a VIRTIO_NET_CTRL_MAC_TABLE_SET has, if that is sound. */
    boolean setTable(ChainReader data) {
        long unicast = entries(data);
        if (unicast < 0) {
            return false;
        }
        boolean unicastFits = unicast <= TABLE_ENTRIES;
        int kept = unicastFits ? (int) unicast : 0;
        read(data, unicast, 0, kept);
        long multicast = entries(data);
        if (multicast < 0) {
            return false;
        }
        boolean multicastFits = multicast <= TABLE_ENTRIES - kept;
        int keptMulticast = multicastFits ? (int) multicast : 0;
        read(data, multicast, kept, keptMulticast);
        long[] old = table;
        table = spare;
        spare = old;
        tableEntries = kept + keptMulticast;
        unicastOverflow = !unicastFits;
        multicastOverflow = !multicastFits;
        return true;
    }

    /** Reads how many addresses follow, or -1 where they do not. */
    private static long entries(ChainReader data) {
        if (data.remainingBytes() < Integer.BYTES) {
            return -1;
        }
        long entries = data.readU32();
        return entries > data.remainingBytes() / MacAddress.BYTES ? -1 : entries;
    }

    /** Keeps addresses of those that follow, all or none, and passes over the others. */
    private void read(ChainReader data, long entries, int start, int count) {
        for (int i = 0; i < count; i++) {
            data.read(address, 0, MacAddress.BYTES);
            spare[start + i] = MacAddress.read(address, 0);
        }
        data.skip((entries - count) * MacAddress.BYTES);
    }

    /** Has a VLAN pass or not; tells whether there is one such. */
    boolean setVlan(int id, boolean pass) {
        if (id >= VLANS) {
            return false;
        }
        long bit = 1L << id;
        if (pass) {
            vlans[id / Long.SIZE] |= bit;
        } else {
            vlans[id / Long.SIZE] &= ~bit;
        }
        return true;
    }

    /** Tells whether the driver wants a frame. */
    boolean accepts(PacketHead head) {
        if (promiscuous) {
            // Whatever the other modes are (5.1.6.5.1.1).
            return true;
        }
        if (vlansFiltered && head.tagged() && !vlanPasses(head.vlanId())) {
            return false;
        }
        long destination = head.destination();
        if (destination == MacAddress.BROADCAST) {
            return !noBroadcast;
        }
        if (MacAddress.isMulticast(destination)) {
            return !noMulticast && (allMulticast || multicastOverflow || inTable(destination));
        }
        return !noUnicast && (destination == mac || allUnicast || unicastOverflow || inTable(destination));
    }

    /** A tag with VLAN 0 has a priority only (IEEE 802.1Q). */
    private boolean vlanPasses(int id) {
        return id == 0 || (vlans[id / Long.SIZE] & 1L << id) != 0;
    }

    private boolean inTable(long destination) {
        for (int i = 0; i < tableEntries; i++) {
            if (table[i] == destination) {
                return true;
            }
        }
        return false;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;

/**
 * What the queues of a device in use have in common: who they work with, and the settings that the driver changes through
 * the control queue. Loop thread only.
 */
final class NetSession {
    final Activation activation;
    final NetBackend backend;
    final VirtioNetOptions options;
    final NetPacing pacing;
    final ReceiveFilter filter;
    final NetStatistics statistics;
    final PairMemory memory;
    final FaultLog faults;

    /** Queue pairs that the driver has set up: one where it did not negotiate several. */
    final int queuePairs;

    /** Those of them that are in use. */
    private int activePairs = 1;

    /** Guest offloads that are on. */
    private long guestOffloads;

    private boolean linkUp;

    NetSession(
            Activation activation,
            NetBackend backend,
            VirtioNetOptions options,
            NetPacing pacing,
            ReceiveFilter filter,
            NetStatistics statistics,
            PairMemory memory,
            FaultLog faults) {
        this.activation = activation;
        this.backend = backend;
        this.options = options;
        this.pacing = pacing;
        this.filter = filter;
        this.statistics = statistics;
        this.memory = memory;
        this.faults = faults;
        this.queuePairs = activation.has(VirtioNetProtocol.VIRTIO_NET_F_MQ) ? backend.queuePairs() : 1;
        // 5.1.6.5.6.1: what was negotiated is on at first.
        this.guestOffloads = activation.features() & VirtioNetProtocol.GUEST_OFFLOADS;
    }

    boolean has(long features) {
        return activation.has(features);
    }

    int activePairs() {
        return activePairs;
    }

    void setActivePairs(int pairs) {
        activePairs = pairs;
        backend.setActivePairs(pairs);
    }

    long guestOffloads() {
        return guestOffloads;
    }

    void setGuestOffloads(long offloads) {
        guestOffloads = offloads;
        backend.setGuestOffloads(offloads);
    }

    boolean linkUp() {
        return linkUp;
    }

    void setLinkUp(boolean up) {
        linkUp = up;
    }

    /** Tells whether a received frame is longer than the MTU that was negotiated (5.1.4.1). */
    boolean exceedsMtu(PacketHead head, long frameBytes) {
        return has(VirtioNetProtocol.VIRTIO_NET_F_MTU)
                && head.gsoType() == VirtioNetProtocol.VIRTIO_NET_HDR_GSO_NONE
                && frameBytes
                        > options.mtuBytes()
                                + VirtioNetProtocol.ETHERNET_HEADER_BYTES
                                + (head.tagged() ? VirtioNetProtocol.VLAN_TAG_BYTES : 0);
    }
}

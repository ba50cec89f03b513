// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

/** Which features need which others (virtio 1.2, section 5.1.3.1). */
final class NetFeatures {
    /** A feature and what it needs: one of the second mask at least. */
    private static final long[][] REQUIREMENTS = {
        {VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO4, VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM},
        {VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO6, VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM},
        {VirtioNetProtocol.VIRTIO_NET_F_GUEST_USO4, VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM},
        {VirtioNetProtocol.VIRTIO_NET_F_GUEST_USO6, VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM},
        {
            VirtioNetProtocol.VIRTIO_NET_F_GUEST_ECN,
            VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO4 | VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO6
        },
        {VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO4, VirtioNetProtocol.VIRTIO_NET_F_CSUM},
        {VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO6, VirtioNetProtocol.VIRTIO_NET_F_CSUM},
        {VirtioNetProtocol.VIRTIO_NET_F_HOST_USO, VirtioNetProtocol.VIRTIO_NET_F_CSUM},
        {
            VirtioNetProtocol.VIRTIO_NET_F_HOST_ECN,
            VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO4 | VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO6
        },
        {VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX, VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ},
        {VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX_EXTRA, VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ},
        {VirtioNetProtocol.VIRTIO_NET_F_CTRL_VLAN, VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ},
        {VirtioNetProtocol.VIRTIO_NET_F_GUEST_ANNOUNCE, VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ},
        {VirtioNetProtocol.VIRTIO_NET_F_MQ, VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ},
        {VirtioNetProtocol.VIRTIO_NET_F_CTRL_MAC_ADDR, VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ},
    };

    private NetFeatures() {}

    /** Tells whether a driver's choice has all that it needs. */
    static boolean complete(long features) {
        for (long[] requirement : REQUIREMENTS) {
            if ((features & requirement[0]) != 0 && (features & requirement[1]) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Returns what is left of a choice without what lacks something: a backend's offloads may be any. */
    static long completePart(long features) {
        long part = features;
        boolean changed = true;
        while (changed) {
            changed = false;
            for (long[] requirement : REQUIREMENTS) {
                if ((part & requirement[0]) != 0 && (part & requirement[1]) == 0) {
                    part &= ~requirement[0];
                    changed = true;
                }
            }
        }
        return part;
    }
}

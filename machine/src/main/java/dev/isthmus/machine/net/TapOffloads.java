// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.virtio.net.VirtioNetProtocol;

/** What taps and virtio-net call offloads. Allocates nothing. */
final class TapOffloads {
    private static final long USO =
            VirtioNetProtocol.VIRTIO_NET_F_GUEST_USO4 | VirtioNetProtocol.VIRTIO_NET_F_GUEST_USO6;

    private TapOffloads() {}

    /** Returns what the kernel is told for what the guest takes, which may be any set. */
    static int kernelBits(long guestOffloads) {
        if ((guestOffloads & VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM) == 0) {
            return 0;
        }
        int bits = TapFd.TUN_F_CSUM;
        int tso = ((guestOffloads & VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO4) != 0 ? TapFd.TUN_F_TSO4 : 0)
                | ((guestOffloads & VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO6) != 0 ? TapFd.TUN_F_TSO6 : 0);
        bits |= tso;
        if (tso != 0 && (guestOffloads & VirtioNetProtocol.VIRTIO_NET_F_GUEST_ECN) != 0) {
            bits |= TapFd.TUN_F_TSO_ECN;
        }
        if ((guestOffloads & USO) == USO) {
            bits |= TapFd.TUN_F_USO4 | TapFd.TUN_F_USO6;
        }
        return bits;
    }

    /** Returns what a tap can do, which the kernel is asked by trying. */
    static long supported(TapFd tap) {
        long all = VirtioNetProtocol.HOST_OFFLOADS | VirtioNetProtocol.GUEST_OFFLOADS;
        if (!tap.setOffloads(kernelBits(all))) {
            all &= ~(USO | VirtioNetProtocol.VIRTIO_NET_F_HOST_USO);
        }
        tap.setOffloads(0);
        return all;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;

/** What the parts of an active socket device share. Loop thread only. */
final class VsockSession {
    final Activation activation;
    final VsockBackend backend;
    final VirtioVsockOptions options;
    final VsockStatistics statistics;
    final FaultLog faults;

    /** Of the guest; may change with a transport reset. */
    long guestCid;

    VsockSession(
            Activation activation,
            VsockBackend backend,
            VirtioVsockOptions options,
            long guestCid,
            VsockStatistics statistics,
            FaultLog faults) {
        this.activation = activation;
        this.backend = backend;
        this.options = options;
        this.guestCid = guestCid;
        this.statistics = statistics;
        this.faults = faults;
    }

    /** Tells whether there are stream sockets with the features that were negotiated (5.10.3.2). */
    boolean streams() {
        return activation.has(VirtioVsockProtocol.VIRTIO_VSOCK_F_STREAM)
                || !activation.has(VirtioVsockProtocol.VIRTIO_VSOCK_F_NO_IMPLIED_STREAM);
    }
}

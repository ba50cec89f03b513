// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.vsock.UnixVsock;
import dev.isthmus.virtio.vsock.VirtioVsock;
import dev.isthmus.virtio.vsock.VirtioVsockOptions;

/** The sockets between the machine's guest and the host. */
record Vsock(VsockConfig config, String name, EventLoop loop, UnixVsock sockets, VirtioVsock device)
        implements HostedDevice {
    static Vsock open(VsockConfig config, String name, EventLoop loop) {
        VirtioVsockOptions options;
        try {
            options = new VirtioVsockOptions(config.guestCid()).withPacked(config.packed());
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "The vsock device can't be so: " + e.getMessage() + ".", "Give another; 3 is usual.", e);
        }
        UnixVsock sockets = UnixVsock.open(config.path());
        return new Vsock(config, name, loop, sockets, new VirtioVsock(sockets, options, name));
    }

    @Override
    public void close() {
        loop.call(sockets::close);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.net.HostNetBackend;
import dev.isthmus.machine.net.PasstBackend;
import dev.isthmus.machine.net.StreamBackend;
import dev.isthmus.machine.net.TapBackend;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.SwitchPort;

/**
 * A network interface's link to what is beyond it.
 *
 * @param backend packets go through it
 * @param closing gives back what the backend holds of the host
 */
record ConnectedLink(NetBackend backend, Runnable closing) implements AutoCloseable {
    /**
     * Connects an interface.
     *
     * @param name what log messages call it
     *
     * @throws VmException if that can't be done, with cause and remedy
     */
    static ConnectedLink open(NetConfig config, String name, IoThread loop) {
        return switch (config.link()) {
            case NetworkLink.Switched switched -> of(switched, loop);
            case NetworkLink.Tap tap -> of(TapBackend.open(tap.options(), name), loop);
            case NetworkLink.TapDescriptors tap -> of(TapBackend.inherit(tap.descriptors(), name), loop);
            case NetworkLink.User user -> of(PasstBackend.start(user.options(), name));
            case NetworkLink.Listening socket -> of(StreamBackend.listen(socket.path(), name), loop);
            case NetworkLink.Connecting socket -> of(StreamBackend.connect(socket.path(), name), loop);
            case NetworkLink.SocketDescriptor socket -> of(StreamBackend.inherit(socket.descriptor(), name), loop);
        };
    }

    private static ConnectedLink of(HostNetBackend backend, IoThread loop) {
        return new ConnectedLink(backend, () -> loop.call(backend::close));
    }

    /** The end of passt is waited for, which is not for the loop. */
    private static ConnectedLink of(PasstBackend backend) {
        return new ConnectedLink(backend, backend::close);
    }

    private static ConnectedLink of(NetworkLink.Switched switched, IoThread loop) {
        try {
            SwitchPort port = switched.lan().newPort(switched.isolated());
            return new ConnectedLink(port, () -> loop.call(port::close));
        } catch (IllegalStateException e) {
            throw new VmException.Configuration(
                    "The machine finds no room on its switch: " + e.getMessage() + ".", "Use another switch.", e);
        }
    }

    /** The device has been reset, the loop still runs. */
    @Override
    public void close() {
        closing.run();
    }
}

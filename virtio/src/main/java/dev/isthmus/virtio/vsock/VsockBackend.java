// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;

/**
 * Where a socket device's connections lead to: what a {@link VirtioVsock} needs of the host.
 *
 * <p>Loop thread only, but for {@link #attach}. No method blocks.
 */
public interface VsockBackend {
    /** What the device is told. Loop thread; not from within the backend's own methods. */
    interface Listener {
        /**
         * Takes a connection that a program on the host wants to the guest. The guest is asked; {@link
         * VsockConnection#opened} tells that it has agreed, {@link VsockConnection#close} that it has not.
         *
         * @param connection the host's end; the device's from now on if it is taken
         * @param guestPort where to, 0 to 2^32 - 2
         * @return false where there is no driver, or there are too many connections: the connection stays the backend's
         */
        boolean incoming(VsockConnection connection, long guestPort);
    }

    /** Says who is told, once, before all else. Any thread. */
    void attach(Listener listener);

    /** A driver uses the device from now on. Never while one does. */
    void start(EventLoop loop);

    /** The driver is gone; all connections were closed before. */
    void stop();

    /**
     * Connects to what listens at a port of the host.
     *
     * @param hostPort where to, 0 to 2^32 - 1
     * @return the host's end of the connection, which is open; null where nobody listens, or cannot now
     */
    @Nullable VsockConnection connect(long hostPort);
}

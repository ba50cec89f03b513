// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.net.NetBackend;

/**
 * A network of the host. It holds descriptors, and perhaps a process, from when it is made until it is closed.
 *
 * <p>Where the network goes away under it, its link goes down with one message in the log; the machine goes on.
 */
public sealed interface HostNetBackend extends NetBackend, Statistics, AutoCloseable
        permits TapBackend, StreamBackend, PasstBackend {
    /** Returns what messages and users call the network, such as "tap isthmus0". Any thread. */
    String description();

    /**
     * Gives everything back to the host; idempotent. Called when the device has been reset and does not use it any more. Any
     * thread, whether the loop still runs or not.
     */
    @Override
    void close();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a socket device counts, by the guest's view. The loop thread counts; any thread reads. */
final class VsockStatistics implements Statistics {
    final Counter receivePackets = new Counter();
    /** Of data. */
    final Counter receiveBytes = new Counter();

    final Counter transmitPackets = new Counter();
    /** Of data. */
    final Counter transmitBytes = new Counter();
    /** Not addressed as they must be. */
    final Counter transmitInvalid = new Counter();
    /** Of data that had to wait, because the program on the host did not take it at once. */
    final Counter transmitHeldBytes = new Counter();

    /** Connections that the guest asked for and got. */
    final Counter connectionsOut = new Counter();
    /** Connections that the host asked for and got. */
    final Counter connectionsIn = new Counter();
    /** Connections that were refused, by either side. */
    final Counter connectionsRefused = new Counter();
    /** Connections that ended, in whatever way. */
    final Counter connectionsEnded = new Counter();
    /** Connections that were reset because the guest broke a rule. */
    final Counter connectionsInvalid = new Counter();
    /** Connections that were reset because something took too long. */
    final Counter connectionsTimedOut = new Counter();

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("receive_packets", receivePackets.get());
        sink.counter("receive_bytes", receiveBytes.get());
        sink.counter("transmit_packets", transmitPackets.get());
        sink.counter("transmit_bytes", transmitBytes.get());
        sink.counter("transmit_invalid", transmitInvalid.get());
        sink.counter("transmit_held_bytes", transmitHeldBytes.get());
        sink.counter("connections_out", connectionsOut.get());
        sink.counter("connections_in", connectionsIn.get());
        sink.counter("connections_refused", connectionsRefused.get());
        sink.counter("connections_ended", connectionsEnded.get());
        sink.counter("connections_invalid", connectionsInvalid.get());
        sink.counter("connections_timed_out", connectionsTimedOut.get());
    }
}

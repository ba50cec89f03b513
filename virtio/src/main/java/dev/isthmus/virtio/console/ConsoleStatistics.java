// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a console device counts, of all ports, by the guest's view. The loop thread counts; any thread reads. */
final class ConsoleStatistics implements Statistics {
    final Counter receiveBytes = new Counter();
    /** How often the host had input and the guest no room. */
    final Counter receiveNoRoom = new Counter();
    final Counter transmitBytes = new Counter();
    /** How often the host took less than all. */
    final Counter transmitFull = new Counter();
    /** Of the configuration space's field for a dying kernel. */
    final Counter emergencyBytes = new Counter();
    /** Of these, that there was no room for. */
    final Counter emergencyLost = new Counter();
    final Counter controlReceived = new Counter();
    final Counter controlSent = new Counter();
    /** Messages of the driver that mean nothing. */
    final Counter controlInvalid = new Counter();

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("receive_bytes", receiveBytes.get());
        sink.counter("receive_no_room", receiveNoRoom.get());
        sink.counter("transmit_bytes", transmitBytes.get());
        sink.counter("transmit_full", transmitFull.get());
        sink.counter("emergency_bytes", emergencyBytes.get());
        sink.counter("emergency_lost", emergencyLost.get());
        sink.counter("control_received", controlReceived.get());
        sink.counter("control_sent", controlSent.get());
        sink.counter("control_invalid", controlInvalid.get());
    }
}

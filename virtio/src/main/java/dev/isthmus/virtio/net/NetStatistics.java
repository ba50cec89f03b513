// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a network device counts, of frames by the guest's view. The loop thread counts; any thread reads. */
final class NetStatistics implements Statistics {
    final Counter receivePackets = new Counter();
    final Counter receiveBytes = new Counter();
    /** Of those that the driver does not want. */
    final Counter receiveFiltered = new Counter();
    /** For want of buffers, or of large enough ones. */
    final Counter receiveNoRoom = new Counter();
    /** Shorter than a frame, longer than the MTU, or in need of an offload that is off. */
    final Counter receiveInvalid = new Counter();
    /** While the link was down. */
    final Counter receiveLinkDown = new Counter();
    /** How often reception waited for its rate. */
    final Counter receiveThrottled = new Counter();

    final Counter transmitPackets = new Counter();
    final Counter transmitBytes = new Counter();
    /** Against the rules of headers and lengths. */
    final Counter transmitInvalid = new Counter();
    /** While the link was down, or the backend gone. */
    final Counter transmitLinkDown = new Counter();
    /** That the backend would not have. */
    final Counter transmitRefused = new Counter();
    /** How often the backend was full. */
    final Counter transmitFull = new Counter();
    /** How often transmission waited for its rate. */
    final Counter transmitThrottled = new Counter();

    final Counter controlCommands = new Counter();
    final Counter controlRefused = new Counter();

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("receive_packets", receivePackets.get());
        sink.counter("receive_bytes", receiveBytes.get());
        sink.counter("receive_filtered", receiveFiltered.get());
        sink.counter("receive_no_room", receiveNoRoom.get());
        sink.counter("receive_invalid", receiveInvalid.get());
        sink.counter("receive_link_down", receiveLinkDown.get());
        sink.counter("receive_throttled", receiveThrottled.get());
        sink.counter("transmit_packets", transmitPackets.get());
        sink.counter("transmit_bytes", transmitBytes.get());
        sink.counter("transmit_invalid", transmitInvalid.get());
        sink.counter("transmit_link_down", transmitLinkDown.get());
        sink.counter("transmit_refused", transmitRefused.get());
        sink.counter("transmit_full", transmitFull.get());
        sink.counter("transmit_throttled", transmitThrottled.get());
        sink.counter("control_commands", controlCommands.get());
        sink.counter("control_refused", controlRefused.get());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.ScatterView;

/**
 * What a network device asks of the network: Ethernet frames both ways, each after a {@code struct virtio_net_hdr} of
 * {@value VirtioNetProtocol#HEADER_BYTES} bytes, little-endian (virtio 1.2, section 5.1.6). A backend without offloads
 * ignores the header of what it sends, and gives one of zeroes with what it receives.
 *
 * <pre>
 *  state     in               out
 *  attached  {@link #attach}  {@link #start}
 *  started   {@link #start}   {@link #stop}: attached again
 * </pre>
 *
 * <p>Threads: {@link #attach} once, before anything else, by whoever makes the device; the properties by any thread; all
 * else on the loop thread of the device, which the listener is called on as well. No method blocks. In steady state none
 * allocates.
 */
public interface NetBackend {
    /** What {@link #receive} answers where there is no packet. */
    int NOTHING = -1;

    /** Most elements in a list that a backend is given: what the kernel takes in one call (IOV_MAX). */
    int ELEMENTS_MAX = 1024;

    /** What a backend tells its device. Loop thread; none of it while the device is calling the backend. */
    interface Listener {
        /**
         * There may be something to receive. Told at least once after {@link #receive} answered {@link #NOTHING}; as often
         * as the backend likes while there is something, but not while reception is off.
         */
        void readable(int pair);

        /** There may be room again after {@link SendOutcome#FULL}. Told at least once. */
        void writable(int pair);

        /** {@link #linkUp} answers differently. Told in every state. */
        void linkChanged();
    }

    /** Returns how many queue pairs there are, at least 1; the same for ever. */
    int queuePairs();

    /**
     * Returns what the backend can do, the same for ever: of {@link VirtioNetProtocol#HOST_OFFLOADS} what packets that are
     * sent may need, of {@link VirtioNetProtocol#GUEST_OFFLOADS} what those that are received can need.
     */
    long offloads();

    /** Tells whether the network is there. */
    boolean linkUp();

    /** Names who is told, before all else. */
    void attach(Listener listener);

    /** A driver has taken up the device: packets may pass, on one queue pair and without guest offloads. */
    void start(EventLoop loop);

    /** The driver is gone. Nothing is told any more but changes of the link. Packets that come are lost. */
    void stop();

    /**
     * Says what packets that are received may need, a part of {@link #offloads}; from the next packet on. A backend may
     * leave partial checksums in packets all the same, which the device completes then; one that is to be segmented is
     * lost.
     */
    void setGuestOffloads(long offloads);

    /** Says how many queue pairs are in use; packets come for the first so many. */
    void setActivePairs(int pairs);

    /**
     * Sends a packet.
     *
     * @param pair the queue pair
     * @param packet header and frame; at most {@value #ELEMENTS_MAX} elements and
     *     {@value VirtioNetProtocol#PACKET_BYTES_MAX} bytes, of guest memory that may change meanwhile. The header is
     *     sound and not the guest's to change
     */
    SendOutcome send(int pair, ScatterView packet);

    /**
     * Receives a packet, if there is one, straight into memory.
     *
     * @param pair the queue pair
     * @param target room for the largest packet; at most {@value #ELEMENTS_MAX} elements
     * @return the bytes of header and frame, or {@link #NOTHING}
     */
    int receive(int pair, ScatterView target);

    /** Switches {@link Listener#readable} off and on for a queue pair; on after each {@link #start}. */
    void setReceiving(int pair, boolean on);
}

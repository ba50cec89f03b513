// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.MemorySegment;

import dev.isthmus.device.EventLoop;

/**
 * The host's end of a port: what a {@link VirtioConsole} needs of the host.
 *
 * <p>Loop thread only; no method blocks. Flow control is by numbers of bytes: {@link #transmit} takes what it can, and
 * input is only handed to the port as far as {@link Port#receiveRoom} says.
 */
public interface ConsoleBackend {
    /** The guest's end, as the host sees it. Loop thread only. */
    interface Port {
        /**
         * Returns how many bytes {@link #receive} takes now; 0 while the guest has not opened the port. After the answer 0,
         * the port calls {@link ConsoleBackend#receiveReady} once when there is room again.
         */
        int receiveRoom();

        /**
         * Hands input to the guest.
         *
         * @param source memory with it, the caller's again after the call
         * @param offset where it begins
         * @param lengthBytes how much, 1 to {@link #receiveRoom}
         */
        void receive(MemorySegment source, long offset, int lengthBytes);

        /**
         * The backend, which did not take all output at the last time, can take more. May call {@code transmit} at once, and
         * so does not come from within it.
         */
        void transmitReady();

        /** Tells the guest whether anybody is at the host's end. Somebody is until this says otherwise. */
        void setHostOpen(boolean open);
    }

    /** Connects the backend to its port, once, before all other calls. */
    void attach(EventLoop loop, Port port);

    /**
     * Takes output of the guest. Where nobody is at the host's end, all of it, and drops it: guests do not wait for somebody
     * to come.
     *
     * @param source native memory with it, the caller's again after the call
     * @param offset where it begins
     * @param lengthBytes how much, at least 1
     * @return how many bytes were taken, from the first on. Where that is not all, the backend calls
     *     {@link Port#transmitReady} when it can take more
     */
    int transmit(MemorySegment source, long offset, int lengthBytes);

    /** There is room for input again, after {@link Port#receiveRoom} answered 0. */
    void receiveReady();

    /** A program of the guest has opened the port, or closed it. Changes only; closed at first. */
    default void guestOpened(boolean open) {}
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;

/** The guest's end of a serial line, as a backend sees it. Loop thread only. */
public interface SerialPort {
    /**
     * Returns how many bytes {@link #receive} takes now. After the answer 0, the port calls
     * {@link SerialBackend#receiveReady} once when there is room again.
     */
    int receiveRoom();

    /**
     * Hands input to the guest.
     *
     * @param source bytes, at most {@link #receiveRoom} of them; the caller's again after the call
     */
    void receive(MemorySegment source);

    /** Has the guest see a break condition, behind all input so far. Dropped where there is no room. */
    void receiveBreak();

    /** The backend, which did not take all output at the last time, can take more. May call {@code transmit} at once. */
    void transmitReady();

    /**
     * Somebody has come to the backend's other end, or has left, where it can tell; there is somebody until it says
     * otherwise. Serial lines do not show it; ports of a virtio console do.
     */
    default void connected(boolean present) {}
}

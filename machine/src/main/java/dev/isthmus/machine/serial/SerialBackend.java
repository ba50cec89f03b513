// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;

import dev.isthmus.device.EventLoop;

/**
 * The host's end of a serial line. Loop thread, but for what says otherwise.
 *
 * <p>No method blocks. Flow control is by numbers of bytes: {@link #transmit} takes what it can, and input is only
 * handed to the port as far as {@link SerialPort#receiveRoom} says.
 */
public interface SerialBackend extends AutoCloseable {
    /**
     * Connects the backend to its port, once, before all other calls.
     *
     * @param loop what watches descriptors
     * @param port where input goes
     */
    void attach(EventLoop loop, SerialPort port);

    /**
     * Takes output of the guest.
     *
     * @param source native memory, not empty, the caller's again after the call
     * @return how many bytes were taken, from the first on. Where that is not all, the backend calls
     *     {@link SerialPort#transmitReady} when it can take more
     */
    int transmit(MemorySegment source);

    /** There is room for input again, after {@link SerialPort#receiveRoom} answered 0. */
    void receiveReady();

    /**
     * Returns what a user connects to, such as the path of a pseudo-terminal or socket; empty where there is nothing to
     * connect to. Any thread, attached or not.
     */
    default String peerName() {
        return "";
    }

    /**
     * Gives everything back to the host; idempotent. Loop thread where attached, any thread otherwise and after the loop
     * has stopped.
     */
    @Override
    void close();
}

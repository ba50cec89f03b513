// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import dev.isthmus.memory.ScatterView;

/**
 * The host's end of a connection: a stream of bytes each way, which ends each way on its own.
 *
 * <p>Loop thread only; no method blocks; none is called after {@link #close}. Memory is touched only while it is given.
 */
public interface VsockConnection {
    /** There is nothing to read, or no room to write, now. */
    int WOULD_BLOCK = -1;

    /** The program has ended its sending: nothing more will be read. */
    int END_OF_STREAM = -2;

    /** The connection is broken: nothing more will be read, or taken. */
    int BROKEN = -3;

    /** Most pieces that are read into, or written, at once. */
    int ELEMENTS_MAX = 1024;

    /** What the device is told. Loop thread; not from within the connection's own methods. */
    interface Events {
        /** There may be something to read. Only while it was asked for. */
        void readable();

        /** There may be room to write. Only while it was asked for. */
        void writable();

        /**
         * The program takes nothing more and has ended its sending; what it has sent before can still be read. Comes once,
         * asked for or not, and is the last that is told.
         */
        void hungUp();
    }

    /** Says who is told, once, before all else. Nothing is asked for yet. */
    void attach(Events events);

    /**
     * The guest has agreed to a connection that the host wanted.
     *
     * @param hostPort the port that the host's end has for the guest
     * @return false where the host's end is gone meanwhile
     */
    boolean opened(long hostPort);

    /**
     * Reads what is there.
     *
     * @param target where to, not empty; pieces beyond {@link #ELEMENTS_MAX} are not used
     * @return how many bytes, at least 1; {@link #WOULD_BLOCK}, {@link #END_OF_STREAM} or {@link #BROKEN}
     */
    int read(ScatterView target);

    /**
     * Writes what fits.
     *
     * @param source the bytes, not empty; pieces beyond {@link #ELEMENTS_MAX} are not taken
     * @return how many bytes were taken, at least 1; {@link #WOULD_BLOCK} or {@link #BROKEN}
     */
    int write(ScatterView source);

    /** Asks to be told of readiness from now on, or not. Changes only. */
    void watch(boolean readable, boolean writable);

    /** The guest sends nothing more: the program finds the end of the stream. */
    void endOutput();

    /** The guest receives nothing more: the program cannot write any more. */
    void endInput();

    /** Gives the connection up; what was written before still reaches the program. */
    void close();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel;

/**
 * A message-signalled interrupt that a device can send: a GSI of its own with an eventfd in front of it, so that sending
 * is one system call that never waits for a vCPU.
 */
public interface MsiRoute extends AutoCloseable {
    /**
     * Sets the message. Any thread, one at a time; may take some milliseconds where the message is another than before.
     *
     * @param address where a real device would write
     * @param data what it would write
     * @return whether there is a local APIC to take it; where not, nothing is sent from now on
     */
    boolean set(long address, int data);

    /** Sends the message that was set last. Any thread; never blocks. */
    void signal();

    /** Gives the GSI back. Nothing is sent any more. Idempotent. */
    @Override
    void close();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * The message-signalled interrupts of a PCI function (MSI-X; PCI Local Bus 3.0, section 6.8.2), as its device uses them.
 *
 * <p>Any thread. {@link #signal} neither blocks nor allocates.
 */
public interface MsixVectors {
    /** Returns the number of vectors, at least 1; the same until the function is closed. */
    int count();

    /** Tells whether the driver has enabled MSI-X: the function then has no interrupt line. */
    boolean enabled();

    /**
     * Gets hold of what it takes to send a vector's message. Events are mapped only to vectors that were claimed; one
     * that is claimed already stays so. For vCPU threads: may take some milliseconds.
     *
     * @param vector 0 to {@link #count} - 1
     * @return whether there is such a vector to be had; where not, no event must be mapped to it
     */
    boolean claim(int vector);

    /**
     * Sends the message of a vector; keeps it pending where the driver has masked it. Nothing where MSI-X is not enabled
     * or the vector was not claimed.
     *
     * @param vector 0 to {@link #count} - 1
     */
    void signal(int vector);

    /** Forgets what is pending: the device was reset, and there is nothing left to tell of. */
    void clearPending();
}

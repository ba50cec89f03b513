// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * The message-signalled interrupts of a PCI function (MSI-X; PCI Local Bus 3.0, section 6.8.2), as its device uses them.
 *
 * <p>Any thread; no call blocks for long or allocates.
 */
public interface MsixVectors {
    /** Returns the number of vectors, at least 1; the same until the function is closed. */
    int count();

    /** Tells whether the driver has enabled MSI-X: the function then has no interrupt line. */
    boolean enabled();

    /**
     * Sends the message of a vector; keeps it pending where the driver has masked it. Nothing where MSI-X is not enabled.
     *
     * @param vector 0 to {@link #count} - 1
     */
    void signal(int vector);
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * An interrupt line from a device to the interrupt controllers. Any thread may call; no call blocks for long.
 */
public interface IrqLine {
    /** Sets the line's level. Setting the level that it has already does nothing. */
    void setLevel(boolean asserted);

    /** Raises one edge: the line goes high and low again. The way of devices that signal through an irqfd. */
    void pulse();
}

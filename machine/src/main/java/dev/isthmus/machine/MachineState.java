// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/**
 * Where a machine is in its life.
 *
 * <pre>
 *  CREATED ──start──▶ RUNNING ◀──resume/pause──▶ PAUSED
 *     │                  │                         │
 *     └────stop──────────┴──exit, stop─────────────┴──▶ ENDED ──close──▶ CLOSED
 * </pre>
 */
public enum MachineState {
    /** Built, memory filled, not yet running. */
    CREATED,
    /** The guest runs. */
    RUNNING,
    /** The guest stands still; devices and their threads live on. */
    PAUSED,
    /** The guest has ended: there is a {@link MachineExit}. */
    ENDED,
    /** All resources have been given back. */
    CLOSED
}

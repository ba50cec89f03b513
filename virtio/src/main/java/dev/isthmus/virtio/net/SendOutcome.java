// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

/** What became of a packet that was given to a {@link NetBackend}. */
public enum SendOutcome {
    /** The backend has it, and touches the memory no more. */
    TAKEN,

    /** There is no room; {@link NetBackend.Listener#writable} tells when to give it again. */
    FULL,

    /** The backend cannot take this packet, now or later; others it may. */
    REFUSED,

    /** The backend is gone and takes nothing more. Its link is down. */
    GONE
}

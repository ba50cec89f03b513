// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/** How a block request ended. Values instead of exceptions: a full disk is no surprise, and allocates nothing. */
public enum BlockStatus {
    /** Done, all of it. */
    OK,
    /** The host failed to do it, or did only a part (EIO and all that has no constant of its own). */
    IO_ERROR,
    /** The host has no room left for it (ENOSPC, EDQUOT, EFBIG). */
    NO_SPACE,
    /** It reaches beyond the capacity. */
    OUT_OF_RANGE,
    /** A write to what is read-only. */
    READ_ONLY,
    /** The backend does not offer this operation. */
    UNSUPPORTED
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/** What a {@link BlockRequest} asks for. */
public enum BlockOperation {
    /** {@link BlockBackend#read}. */
    READ,
    /** {@link BlockBackend#write}, made stable if {@link BlockRequest#stable} says so. */
    WRITE,
    /** {@link BlockBackend#flush}. */
    FLUSH,
    /** {@link BlockBackend#discard}. */
    DISCARD,
    /** {@link BlockBackend#writeZeroes}. */
    WRITE_ZEROES
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/**
 * Choices for a server that do not come from its folder.
 *
 * @param cache how long the client may rely on what it knows
 * @param nodesMax how many files the client may know at a time, at least 2; more are refused with ENFILE
 * @param filesMax how many files and directories it may have open, at least 1; more are refused with ENFILE
 */
public record FuseOptions(CachePolicy cache, int nodesMax, int filesMax) {
    /** Files known at a time, where the host has descriptors enough. */
    public static final int DEFAULT_NODES = 1 << 16;

    /** Files open at a time, where the host has descriptors enough. */
    public static final int DEFAULT_FILES = 1 << 12;

    /** {@link CachePolicy#AUTO}, with the usual bounds. */
    public static final FuseOptions DEFAULT = new FuseOptions(CachePolicy.AUTO, DEFAULT_NODES, DEFAULT_FILES);

    /** Checks the ranges. */
    public FuseOptions {
        if (nodesMax < 2 || filesMax < 1) {
            throw new IllegalArgumentException("a shared folder has at least 2 nodes and 1 file");
        }
    }
}

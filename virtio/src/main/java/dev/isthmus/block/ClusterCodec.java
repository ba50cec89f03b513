// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.nio.ByteBuffer;

/**
 * A compression that image formats use for their clusters. Zstandard's needs native code, which this module has none
 * of, so whoever opens an image brings it.
 *
 * <p>Any thread, several at once.
 */
public interface ClusterCodec {
    /**
     * Makes sure that it can work, before an image that needs it is opened.
     *
     * @throws ImageException where it can't
     */
    default void load() {}

    /**
     * Unpacks a cluster.
     *
     * @param packed from its position to its limit: the compressed data, with anything behind its end
     * @param target is filled from its position to its limit
     * @return whether the data was valid and filled the target
     */
    boolean unpack(ByteBuffer packed, ByteBuffer target);

    /**
     * Packs a cluster.
     *
     * @param cluster from its position to its limit
     * @param target takes the result from its position on, which moves behind it
     * @return whether it fits; where not, the target's contents are undefined
     */
    boolean pack(ByteBuffer cluster, ByteBuffer target);
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.nio.ByteBuffer;

import dev.isthmus.block.ClusterCodec;

/** Stands for a compression in work that neither reads nor writes clusters. */
enum NoCodec implements ClusterCodec {
    INSTANCE;

    @Override
    public boolean unpack(ByteBuffer packed, ByteBuffer target) {
        return false;
    }

    @Override
    public boolean pack(ByteBuffer cluster, ByteBuffer target) {
        return false;
    }
}

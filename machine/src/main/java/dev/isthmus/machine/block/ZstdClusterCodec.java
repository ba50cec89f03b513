// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.nio.ByteBuffer;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import com.github.luben.zstd.util.Native;

import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageException;

/**
 * Zstandard clusters (RFC 8878) by the reference library through zstd-jni, from native memory to native memory.
 *
 * <p>A cluster is one frame or several, as QEMU reads them; behind them may lie anything. A frame is unpacked at once
 * and straight into the cluster, so that the window that it asks for costs no memory.
 */
public final class ZstdClusterCodec implements ClusterCodec {
    /** The only one there needs to be. */
    public static final ZstdClusterCodec INSTANCE = new ZstdClusterCodec();

    private ZstdClusterCodec() {}

    @Override
    public void load() {
        try {
            Native.load();
        } catch (IllegalCallerException e) {
            throw new ImageException(
                    "Zstandard clusters need a native library, which may not be loaded.",
                    "Start Java with --enable-native-access=com.github.luben.zstd_jni.",
                    e);
        } catch (LinkageError e) {
            throw new ImageException(
                    "Zstandard clusters need a native library, which can't be loaded: " + e.getMessage(),
                    "Start Java with -DZstdTempFolder= and a directory where files can be written and executed.",
                    e);
        }
    }

    @Override
    public boolean unpack(ByteBuffer packed, ByteBuffer target) {
        try {
            return unpackFrames(packed, target);
        } catch (ZstdException e) {
            // Damaged.
            return false;
        }
    }

    private static boolean unpackFrames(ByteBuffer packed, ByteBuffer target) {
        while (target.hasRemaining()) {
            long frameBytes = packed.hasRemaining()
                    ? Zstd.findDirectByteBufferFrameCompressedSize(packed, packed.position(), packed.remaining())
                    : 0;
            if (frameBytes <= 0 || frameBytes > packed.remaining()) {
                // An error code is a very large unsigned number.
                return false;
            }
            long count = Zstd.decompressDirectByteBuffer(
                    target, target.position(), target.remaining(), packed, packed.position(), (int) frameBytes);
            if (count < 0 || count > target.remaining()) {
                return false;
            }
            packed.position(packed.position() + (int) frameBytes);
            target.position(target.position() + (int) count);
        }
        return true;
    }

    @Override
    public boolean pack(ByteBuffer cluster, ByteBuffer target) {
        try {
            long count = Zstd.compressDirectByteBuffer(
                    target,
                    target.position(),
                    target.remaining(),
                    cluster,
                    cluster.position(),
                    cluster.remaining(),
                    Zstd.defaultCompressionLevel());
            target.position(target.position() + (int) count);
            return true;
        } catch (ZstdException e) {
            // Does not fit.
            return false;
        }
    }
}

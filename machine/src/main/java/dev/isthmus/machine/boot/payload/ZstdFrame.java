// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.nio.ByteBuffer;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import com.github.luben.zstd.util.Native;

/**
 * One zstd frame (RFC 8878), decoded by the reference library through zstd-jni, from the payload straight into the
 * target.
 *
 * <p>Where a frame doesn't say how long its content is, as that of a kernel packed from a pipe, the library keeps a
 * window of its own, outside of the Java heap.
 */
final class ZstdFrame {
    /** Log2 of the largest window: the 128 MiB of {@code zstd --ultra -22}, with which Linux's build packs. */
    private static final int WINDOW_LOG_MAX = 27;

    private ZstdFrame() {}

    static void unpack(byte[] payload, UnpackBuffer target)
            throws MalformedPayloadException, LibraryUnavailableException {
        loadLibrary();
        try (ZstdDecompressCtx context = new ZstdDecompressCtx()) {
            context.setLongMax(WINDOW_LOG_MAX);
            ByteBuffer in = ByteBuffer.wrap(payload);
            boolean finished = false;
            while (!finished) {
                finished = decode(context, in, target);
            }
        } catch (ZstdException e) {
            throw refused(e);
        }
    }

    /** Decodes as much as there is room for, and returns whether the frame, with its checksum, is at its end. */
    private static boolean decode(ZstdDecompressCtx context, ByteBuffer in, UnpackBuffer target)
            throws MalformedPayloadException {
        boolean full = target.lengthBytes() == target.limitBytes();
        // The end of the frame may be all that is left; one byte more is one too many.
        ByteBuffer out = full ? ByteBuffer.allocate(1) : target.room();
        int start = in.position();
        boolean finished = context.decompressByteBufferStream(out, in);
        int count = out.position();
        if (full && count != 0) {
            throw target.tooLong();
        }
        target.filled(count);
        if (!finished && count == 0 && in.position() == start) {
            throw new MalformedPayloadException("data ends early");
        }
        return finished;
    }

    /** Loads the native library beforehand, where a failure says what it is: afterwards, classes would be missing. */
    private static void loadLibrary() throws LibraryUnavailableException {
        try {
            Native.load();
        } catch (IllegalCallerException e) {
            throw new LibraryUnavailableException(
                    "zstd's native library may not be loaded",
                    "Start Java with --enable-native-access=com.github.luben.zstd_jni.",
                    e);
        } catch (LinkageError e) {
            String message = e.getMessage();
            String cause = message == null ? e.toString() : message.lines().findFirst().orElse("");
            throw new LibraryUnavailableException(
                    "zstd's native library can't be loaded: " + cause,
                    "Start Java with -DZstdTempFolder= and a directory where files can be written and executed.",
                    e);
        }
    }

    private static MalformedPayloadException refused(ZstdException e) {
        // Positive or negative, depending on the method that fails.
        long code = Math.abs(e.getErrorCode());
        if (code == Zstd.errMemoryAllocation()) {
            throw new OutOfMemoryError("zstd: " + e.getMessage());
        }
        if (code == Zstd.errFrameParameterWindowTooLarge()) {
            return new MalformedPayloadException(
                    "data needs a window of more than " + ((1 << WINDOW_LOG_MAX) >> 20) + " MiB", e);
        }
        return new MalformedPayloadException("data is damaged: " + e.getMessage(), e);
    }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Unpacking of compressed kernels, in memory. Input is not trusted: damage ends in a
 * {@link dev.isthmus.machine.boot.payload.MalformedPayloadException}, and memory grows only with what has really been
 * unpacked, up to a size known beforehand.
 *
 * <p>The work is done by the JDK (gzip), XZ for Java (XZ, LZMA), lz4-java's decoder in plain Java (LZ4) and zstd-jni,
 * a binding to the reference implementation (zstd). Classes of the last three are loaded for such a payload only.
 */
@NullMarked
package dev.isthmus.machine.boot.payload;

import org.jspecify.annotations.NullMarked;

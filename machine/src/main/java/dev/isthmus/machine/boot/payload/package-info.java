// SPDX-License-Identifier: Apache-2.0
/**
 * Unpacking of compressed kernels, in memory and without native code. Input is not trusted: damage ends in a
 * {@link dev.isthmus.machine.boot.payload.MalformedPayloadException}, and memory grows only with what has really been
 * unpacked, up to a size known beforehand.
 *
 * <p>gzip is the JDK's, XZ and LZMA are XZ for Java's. LZ4 and zstd are decoded here. The one library that has both
 * in plain Java, aircompressor, goes through {@code sun.misc.Unsafe}: the JDK warns about that on standard error and
 * is about to forbid it, and its zstd decoder refuses the windows above 8 MiB that Linux's build uses. The others are
 * bindings to native code, which only one module of ours may have.
 */
@NullMarked
package dev.isthmus.machine.boot.payload;

import org.jspecify.annotations.NullMarked;

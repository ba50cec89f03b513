// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import org.jspecify.annotations.Nullable;

/**
 * The compressions that Linux's build offers for x86, told apart by their first bytes as in Linux's
 * {@code lib/decompress.c}.
 */
public enum PayloadFormat {
    /** CONFIG_KERNEL_GZIP. */
    GZIP("gzip", "\u001f\u008b"),
    /** CONFIG_KERNEL_LZ4: LZ4's legacy frame. */
    LZ4("LZ4", "\u0002!L\u0018"),
    /** CONFIG_KERNEL_ZSTD. */
    ZSTD("zstd", "(\u00b5/\u00fd"),
    /** CONFIG_KERNEL_XZ. */
    XZ("XZ", "\u00fd7zXZ\0"),
    /** CONFIG_KERNEL_LZMA: the format of LZMA Utils, without an index. */
    LZMA("LZMA", "]\0\0"),
    /** CONFIG_KERNEL_BZIP2, not supported. */
    BZIP2("bzip2", "BZh"),
    /** CONFIG_KERNEL_LZO, not supported. */
    LZO("LZO", "\u0089LZO\0\r\n\u001a\n");

    /** Length of the longest magic number. */
    public static final int MAGIC_BYTES = 9;

    private final String title;
    /** One character a byte. */
    private final String magic;

    PayloadFormat(String title, String magic) {
        this.title = title;
        this.magic = magic;
    }

    /** Returns the format of data that starts with {@code head}, or null where it is none of these. */
    public static @Nullable PayloadFormat of(byte[] head) {
        for (PayloadFormat format : values()) {
            if (format.matches(head)) {
                return format;
            }
        }
        return null;
    }

    private boolean matches(byte[] head) {
        if (head.length < magic.length()) {
            return false;
        }
        for (int i = 0; i < magic.length(); i++) {
            if ((head[i] & 0xff) != magic.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** Returns the name that users know. */
    public String title() {
        return title;
    }

    /** Tells whether {@link #unpack} can do it. */
    public boolean isSupported() {
        return this != BZIP2 && this != LZO;
    }

    /**
     * Unpacks data of this format.
     *
     * @param payload the compressed data; what follows its end is left alone
     * @param target takes the unpacked data, which must be as long as the target's limit
     * @throws MalformedPayloadException if the data is damaged, or longer or shorter than that
     * @throws LibraryUnavailableException if the format's library is native code, and can't be loaded
     * @throws IllegalStateException if the format is not supported
     */
    public void unpack(byte[] payload, UnpackBuffer target)
            throws MalformedPayloadException, LibraryUnavailableException {
        switch (this) {
            case GZIP -> Gzip.unpack(payload, target);
            case LZ4 -> Lz4.unpack(payload, target);
            case ZSTD -> ZstdFrame.unpack(payload, target);
            case XZ -> Lzma.unpackXz(payload, target);
            case LZMA -> Lzma.unpackLzma(payload, target);
            case BZIP2, LZO -> throw new IllegalStateException("Not supported: " + this);
        }
        if (target.lengthBytes() != target.limitBytes()) {
            throw new MalformedPayloadException(
                    "data unpacks to " + target.lengthBytes() + " bytes instead of " + target.limitBytes());
        }
    }
}

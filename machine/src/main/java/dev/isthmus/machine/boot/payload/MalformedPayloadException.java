// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import org.jspecify.annotations.Nullable;

/** Compressed data is damaged, or needs more than its bounds allow. The message completes "The data ...". */
public final class MalformedPayloadException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Makes one with its cause in words. */
    public MalformedPayloadException(String message) {
        super(message);
    }

    /** Makes one that an exception led to. */
    public MalformedPayloadException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import org.jspecify.annotations.Nullable;

/**
 * A disk image can't be opened, made or changed as asked: it is damaged, of another format, uses what is not
 * supported, or the host failed. The message is one sentence that names the image; the remedy is one, too, or empty.
 */
public class ImageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String remedy;

    /** Makes one with its cause and remedy in words. */
    public ImageException(String message, String remedy) {
        this(message, remedy, null);
    }

    /** Makes one that another exception led to. */
    public ImageException(String message, String remedy, @Nullable Throwable cause) {
        super(message, cause);
        this.remedy = remedy;
    }

    /** Returns what the user can do about it: a whole sentence, or empty where there is nothing to say. */
    public String remedy() {
        return remedy;
    }
}

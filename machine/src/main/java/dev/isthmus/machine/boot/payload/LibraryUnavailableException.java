// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/** A decompression library can't be used in this process; the payload may well be good. The message names the cause. */
public final class LibraryUnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String remedy;

    /** Makes one with cause and remedy in words. */
    LibraryUnavailableException(String message, String remedy, Throwable cause) {
        super(message, cause);
        this.remedy = remedy;
    }

    /** Returns what the user can do about it, a whole sentence. */
    public String remedy() {
        return remedy;
    }
}

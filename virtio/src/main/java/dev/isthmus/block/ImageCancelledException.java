// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/** The work was ended early, as {@link Progress#cancelled} asked for. */
public final class ImageCancelledException extends ImageException {
    private static final long serialVersionUID = 1L;

    /** Makes one. */
    public ImageCancelledException() {
        super("Interrupted.", "");
    }
}

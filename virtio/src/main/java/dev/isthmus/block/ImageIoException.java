// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/** The host failed while an image was read or written: an I/O error, no space. What it was is in the log, too. */
public final class ImageIoException extends ImageException {
    private static final long serialVersionUID = 1L;

    private final BlockStatus status;

    /** Makes one with its cause and remedy in words, and the status behind it. */
    public ImageIoException(String message, String remedy, BlockStatus status) {
        super(message, remedy);
        this.status = status;
    }

    /** Returns how the I/O ended. */
    public BlockStatus status() {
        return status;
    }

    /**
     * Throws unless an operation succeeded.
     *
     * @param what what was tried, after "Can't", such as "read disk.img"
     */
    public static void check(BlockStatus status, String what) {
        if (status == BlockStatus.OK) {
            return;
        }
        String why = switch (status) {
            case NO_SPACE -> "there is no space left";
            case READ_ONLY -> "it is read-only";
            case UNSUPPORTED -> "it does not support that";
            case OUT_OF_RANGE -> "it has become smaller";
            case OK, IO_ERROR -> "I/O error";
        };
        String remedy = status == BlockStatus.NO_SPACE ? "Make room, or choose another place." : "";
        throw new ImageIoException("Can't " + what + ": " + why + ".", remedy, status);
    }
}

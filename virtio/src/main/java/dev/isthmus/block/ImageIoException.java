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
     * @throws ImageIoException where the host failed
     * @throws ImageException where the image can't be changed so
     */
    public static void check(BlockStatus status, String what) {
        if (status != BlockStatus.OK) {
            throw of(status, what);
        }
    }

    /**
     * Returns what to throw for an operation that did not succeed: one of these where the host failed, or else a plain
     * {@link ImageException}.
     *
     * @param what what was tried, after "Can't", such as "read disk.img"
     */
    public static ImageException of(BlockStatus status, String what) {
        String start = "Can't " + what + ": ";
        return switch (status) {
            case NO_SPACE -> new ImageIoException(
                    start + "there is no space left.", "Make room, or choose another place.", status);
            case OUT_OF_RANGE -> new ImageIoException(
                    start + "it has become smaller.", "Look at what else is using it.", status);
            case OK, IO_ERROR -> new ImageIoException(
                    start + "I/O error.", "Look at the host's log and its storage.", status);
            case READ_ONLY -> new ImageException(start + "it is read-only.", "Open it for writing.");
            case UNSUPPORTED -> new ImageException(
                    start + "its format can't do that.", "Convert it with 'isthmus image convert -O qcow2'.");
        };
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;

/** The exceptions that tell a user why an image can't be opened. */
public final class ImageErrors {
    private static final int QUOTED_CHARACTERS = 80;

    private ImageErrors() {}

    /**
     * Makes the exception for an image that breaks its own format.
     *
     * @param format the format's name, such as "VDI"
     * @param file the image
     * @param what what is wrong, a clause without a full stop
     */
    public static ImageException damaged(String format, ImageFile file, String what) {
        return new ImageException(
                format + " image " + file.name() + " is damaged: " + what + ".",
                "Copy it again from where it came from, or repair it with the program that made it.");
    }

    /**
     * Makes the exception for an image that uses what is not supported.
     *
     * @param format the format's name, such as "VDI"
     * @param file the image
     * @param what what it is or has, going on from "is not supported: it ", without a full stop
     * @param remedy what to do, a sentence
     */
    public static ImageException unsupported(String format, ImageFile file, String what, String remedy) {
        return new ImageException(
                format + " image " + file.name() + " is not supported: it " + what + ".", remedy);
    }

    /** Makes the exception for a file that is of another format. */
    public static ImageException otherFormat(String format, ImageFile file) {
        return new ImageException(
                "File " + file.name() + " is not a " + format + " image.", "Give the format that it really has.");
    }

    /** Makes text of an image fit for a message: of bounded length and without control characters. */
    public static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < Math.min(text.length(), QUOTED_CHARACTERS); i++) {
            char c = text.charAt(i);
            quoted.append(Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c);
        }
        return quoted.append(text.length() > QUOTED_CHARACTERS ? "…\"" : "\"").toString();
    }
}

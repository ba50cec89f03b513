// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * The line of a descriptor that tells of an extent: access, size in sectors, type, and where it has one the name of the
 * file, and for flat ones the sector in it.
 *
 * <pre>
 * RW 4192256 SPARSE "disk-s001.vmdk"
 * RW 4192256 FLAT "disk-f001.vmdk" 0
 * RW 63 ZERO
 * </pre>
 *
 * @param type the kind of extent
 * @param sectors its size, more than 0
 * @param fileName the plain name of its file, or empty
 * @param startSector where in the file a flat one begins
 */
record ExtentLine(Type type, long sectors, String fileName, long startSector) {
    /** The kinds of extents that can be read. */
    enum Type {
        /** The bytes of a file as they are; on ESX it is called VMFS and has no start. */
        FLAT,
        /** A file with a {@link SparseHeader}. */
        SPARSE,
        /** Zeroes. */
        ZERO
    }

    /** More digits than disks have, and few enough for the bytes of so many sectors to have 63 bits. */
    private static final int MAX_DIGITS = 16;

    private static final int MAX_NAME_BYTES = 255;

    /** Takes a line apart. */
    private static final class Scanner {
        private final String line;
        private int position;

        private Scanner(String line) {
            this.line = line;
        }

        private void skipSpace() {
            while (position < line.length() && (line.charAt(position) == ' ' || line.charAt(position) == '\t')) {
                position++;
            }
        }

        /** Returns what is before the next space or quote; empty at the end. */
        private String word() {
            skipSpace();
            int start = position;
            while (position < line.length() && " \t\"".indexOf(line.charAt(position)) < 0) {
                position++;
            }
            return line.substring(start, position);
        }

        /** Returns a number, or -1 where there is none. */
        private long number() {
            String digits = word();
            if (digits.isEmpty() || digits.length() > MAX_DIGITS) {
                return -1;
            }
            long value = 0;
            for (int i = 0; i < digits.length(); i++) {
                int digit = digits.charAt(i) - '0';
                if (digit < 0 || digit > 9) {
                    return -1;
                }
                value = value * 10 + digit;
            }
            return value;
        }

        /** Returns what is between the next two quotes, or nothing where there are none. */
        private String quoted() {
            skipSpace();
            int end = line.indexOf('"', position + 1);
            if (position >= line.length() || line.charAt(position) != '"' || end < 0) {
                return "";
            }
            String text = line.substring(position + 1, end);
            position = end + 1;
            return text;
        }

        private boolean atEnd() {
            skipSpace();
            return position >= line.length();
        }
    }

    /** Tells whether a line is about an extent. */
    static boolean begins(String line) {
        String access = new Scanner(line).word();
        return "RW".equals(access) || "RDONLY".equals(access) || "NOACCESS".equals(access);
    }

    /**
     * Takes a line apart.
     *
     * @param file the file of the descriptor
     * @param line the line, with a character for each byte
     * @param charset what file names are in
     * @throws ImageException if it is damaged, or its extent can't be read
     */
    static ExtentLine parse(ImageFile file, String line, Charset charset) {
        Scanner scanner = new Scanner(line);
        String access = scanner.word();
        long sectors = scanner.number();
        String type = scanner.word();
        if (sectors <= 0) {
            throw damaged(file, line);
        }
        if ("NOACCESS".equals(access)) {
            throw unsupported(file, "has an extent that must not be accessed");
        }
        return switch (type) {
            case "ZERO" -> new ExtentLine(Type.ZERO, sectors, "", 0);
            case "SPARSE" -> new ExtentLine(Type.SPARSE, sectors, fileName(file, line, scanner, charset), 0);
            case "VMFS" -> new ExtentLine(Type.FLAT, sectors, fileName(file, line, scanner, charset), 0);
            case "FLAT" -> {
                String name = fileName(file, line, scanner, charset);
                // VirtualBox leaves out a start of 0; QEMU insists on it.
                long start = scanner.atEnd() ? 0 : scanner.number();
                if (start < 0) {
                    throw damaged(file, line);
                }
                yield new ExtentLine(Type.FLAT, sectors, name, start);
            }
            case "VMFSSPARSE", "SESPARSE", "VMFSRDM", "VMFSRAW" ->
                throw unsupported(file, "has an extent of type " + type + " of VMware ESX");
            default -> throw damaged(file, line);
        };
    }

    private static String fileName(ImageFile file, String line, Scanner scanner, Charset charset) {
        byte[] bytes = scanner.quoted().getBytes(StandardCharsets.ISO_8859_1);
        String name = new String(bytes, charset);
        // Control characters would reach the terminal with the message of whoever can't open it.
        if (bytes.length == 0 || bytes.length > MAX_NAME_BYTES || hasControls(name)) {
            throw damaged(file, line);
        }
        // What an image names is opened only beside it: else an image from elsewhere could show any file to its guest.
        if (name.indexOf('/') >= 0
                || name.indexOf('\\') >= 0
                || ".".equals(name)
                || "..".equals(name)) {
            throw new ImageException(
                    "VMDK image " + file.name() + " names an extent outside of its folder: "
                            + ImageErrors.quoted(name) + ".",
                    "Put the extent's file beside the descriptor, and only its name into the descriptor.");
        }
        return name;
    }

    private static boolean hasControls(String name) {
        for (int i = 0; i < name.length(); i++) {
            if (Character.isISOControl(name.charAt(i))) {
                return true;
            }
        }
        return false;
    }

    private static ImageException damaged(ImageFile file, String line) {
        return ImageErrors.damaged(
                SparseHeader.FORMAT, file, "its descriptor has the line " + ImageErrors.quoted(line));
    }

    private static ImageException unsupported(ImageFile file, String what) {
        return ImageErrors.unsupported(
                SparseHeader.FORMAT,
                file,
                what,
                "Clone the disk with VMware (vmkfstools -i), or convert it with qemu-img convert.");
    }
}

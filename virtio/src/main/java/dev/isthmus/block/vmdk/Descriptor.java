// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.lang.foreign.Arena;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * The text that describes an image: its kind, its parent and its extents (Virtual Disk Format 5.0, "The Descriptor
 * File"). It is a file of its own, or embedded in the only extent.
 *
 * <pre>
 * # Disk DescriptorFile
 * version=1
 * CID=fffffffe
 * parentCID=ffffffff
 * createType="twoGbMaxExtentFlat"
 * RW 4192256 FLAT "disk-f001.vmdk" 0
 * ddb.adapterType = "ide"
 * </pre>
 *
 * @param createType what kind of image it says it is, or empty
 * @param extents its extents, in the order of the disk
 */
record Descriptor(String createType, List<ExtentLine> extents) {
    /** QEMU's bound. */
    static final int MAX_BYTES = 1 << 20;

    /** VMware splits disks of 8 TiB into so many files of 2 GiB. */
    static final int MAX_EXTENTS = 4096;

    /** {@code parentCID} of an image without a parent: CID_NOPARENT. */
    static final long CID_NOPARENT = 0xffffffffL;

    private static final int MAX_VERSION = 3;

    private static final String VERSION_KEY = "version";

    /**
     * Reads a descriptor.
     *
     * @param file the file that it is in
     * @param offsetBytes where it begins
     * @param lengthBytes how long it may be, at most {@link #MAX_BYTES}; it ends with the first zero
     * @throws ImageException if it is damaged, or of an image that can't be read alone
     */
    static Descriptor read(ImageFile file, long offsetBytes, long lengthBytes) {
        String encoding = "";
        String createType = "";
        int version = 0;
        List<String> extentLines = new ArrayList<>();
        String text = text(file, offsetBytes, (int) lengthBytes);
        for (int start = 0; start < text.length(); start = lineEnd(text, start) + 1) {
            String line = text.substring(start, lineEnd(text, start)).trim();
            String key = key(line);
            if (ExtentLine.begins(line)) {
                addExtent(file, extentLines, line);
            } else if (VERSION_KEY.equals(key) && version == 0) {
                version = version(value(line));
            } else if ("encoding".equals(key) && encoding.isEmpty()) {
                encoding = value(line);
            } else if ("createType".equals(key) && createType.isEmpty()) {
                createType = value(line);
            } else if ("parentCID".equals(key)) {
                checkParent(file, value(line));
            } else if ("parentFileNameHint".equals(key)) {
                throw hasParent(file, value(line));
            }
        }
        if (version == 0) {
            throw ImageErrors.damaged(SparseHeader.FORMAT, file, "its descriptor has no version that is known");
        }
        Charset charset = charset(encoding);
        List<ExtentLine> extents = new ArrayList<>(extentLines.size());
        for (String line : extentLines) {
            extents.add(ExtentLine.parse(file, line, charset));
        }
        return new Descriptor(createType, List.copyOf(extents));
    }

    /** Returns text with a character for each byte: names are decoded when the encoding is known. */
    private static String text(ImageFile file, long offsetBytes, int lengthBytes) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = FileBytes.read(file, offsetBytes, lengthBytes, arena).copy(0, lengthBytes);
            int end = 0;
            while (end < bytes.length && bytes[end] != 0) {
                end++;
            }
            return new String(bytes, 0, end, StandardCharsets.ISO_8859_1);
        }
    }

    private static int lineEnd(String text, int start) {
        int end = text.indexOf('\n', start);
        return end < 0 ? text.length() : end;
    }

    private static void addExtent(ImageFile file, List<String> lines, String line) {
        if (lines.size() == MAX_EXTENTS) {
            throw ImageErrors.damaged(
                    SparseHeader.FORMAT, file, "its descriptor has more than " + MAX_EXTENTS + " extents");
        }
        lines.add(line);
    }

    /** Returns what is left of the equals sign, or null where the line is no assignment. */
    private static @Nullable String key(String line) {
        int equals = line.indexOf('=');
        return equals < 0 || line.charAt(0) == '#' ? null : line.substring(0, equals).trim();
    }

    private static String value(String line) {
        String value = line.substring(line.indexOf('=') + 1).trim();
        boolean quoted = value.length() >= 2 && value.charAt(0) == '"' && value.endsWith("\"");
        return quoted ? value.substring(1, value.length() - 1) : value;
    }

    /** Returns the version, or 0 where it is none that is known. */
    private static int version(String value) {
        int version = value.length() == 1 ? value.charAt(0) - '0' : 0;
        return version >= 1 && version <= MAX_VERSION ? version : 0;
    }

    private static void checkParent(ImageFile file, String value) {
        try {
            if (Long.parseUnsignedLong(value, 16) != CID_NOPARENT) {
                throw hasParent(file, "");
            }
        } catch (NumberFormatException e) {
            throw ImageErrors.damaged(
                    SparseHeader.FORMAT, file, "its parentCID is " + ImageErrors.quoted(value));
        }
    }

    private static ImageException hasParent(ImageFile file, String parent) {
        return ImageErrors.unsupported(
                SparseHeader.FORMAT,
                file,
                "holds only what differs from its parent" + (parent.isEmpty() ? "" : ' ' + ImageErrors.quoted(parent)),
                "Remove the snapshots with VMware, or make one image of it with qemu-img convert.");
    }

    private static Charset charset(String encoding) {
        try {
            return encoding.isEmpty() ? StandardCharsets.UTF_8 : Charset.forName(encoding);
        } catch (IllegalCharsetNameException | UnsupportedCharsetException e) {
            // The name is only found if it is plain, and then most charsets agree.
            return StandardCharsets.UTF_8;
        }
    }
}

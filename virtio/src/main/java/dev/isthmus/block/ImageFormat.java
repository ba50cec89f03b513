// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

/** The formats that disk images come in. */
public enum ImageFormat {
    /** The bytes of the disk as they are. */
    RAW,
    /** QEMU's, versions 2 and 3. */
    QCOW2,
    /** VMware's. */
    VMDK,
    /** VirtualBox's. */
    VDI,
    /** Hyper-V's. */
    VHDX;

    /** As much of a file's start as {@link #probe} looks at. */
    public static final int PROBE_BYTES = 512;

    private static final ValueLayout.OfInt LITTLE_ENDIAN_U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The last version of VMDK descriptors. */
    private static final char VMDK_VERSION_MAX = '3';

    private static final int VDI_SIGNATURE_OFFSET = 0x40;
    private static final int VDI_SIGNATURE = 0xBEDA107F;

    /**
     * Finds out a file's format by its first bytes. Anything that is none of the others is raw; a guest that may write
     * the start of a raw disk can so make it look like another format, which is why formats are better told than probed.
     *
     * @param start the first bytes of the file, at least {@value #PROBE_BYTES} or all there are
     */
    public static ImageFormat probe(MemorySegment start) {
        byte[] bytes = start.asSlice(0, Math.min(start.byteSize(), PROBE_BYTES)).toArray(ValueLayout.JAVA_BYTE);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        if (text.startsWith("QFI\u00fb") && bytes.length >= 8 && bytes[4] == 0 && bytes[7] >= 2) {
            return QCOW2;
        }
        if (text.startsWith("KDMV") || text.startsWith("COWD") || beginsDescriptor(text)) {
            return VMDK;
        }
        if (text.startsWith("vhdxfile")) {
            return VHDX;
        }
        if (bytes.length >= VDI_SIGNATURE_OFFSET + 4
                && MemorySegment.ofArray(bytes).get(LITTLE_ENDIAN_U32, VDI_SIGNATURE_OFFSET) == VDI_SIGNATURE) {
            return VDI;
        }
        return RAW;
    }

    /** Tells whether text begins as a VMDK descriptor does: with its title, or a version behind nothing but comments. */
    private static boolean beginsDescriptor(String text) {
        if (text.startsWith("# Disk DescriptorFile")) {
            return true;
        }
        int zero = text.indexOf('\0');
        int end = zero < 0 ? text.length() : zero;
        int next;
        for (int start = 0; start < end; start = next + 1) {
            int newline = text.indexOf('\n', start);
            next = newline < 0 ? end : Math.min(newline, end);
            String line = text.substring(start, next).trim();
            if (!line.isEmpty() && line.charAt(0) != '#') {
                return isVersion(line);
            }
        }
        return false;
    }

    private static boolean isVersion(String line) {
        int equals = line.indexOf('=');
        if (equals < 0 || !line.substring(0, equals).trim().equals("version")) {
            return false;
        }
        String value = line.substring(equals + 1).trim();
        boolean quoted = value.length() == 3 && value.charAt(0) == '"' && value.charAt(2) == '"';
        char version = quoted ? value.charAt(1) : value.length() == 1 ? value.charAt(0) : 0;
        return version >= '1' && version <= VMDK_VERSION_MAX;
    }

    /** Returns the format that images and commands call by a name such as "qcow2", or null where there is none. */
    public static @Nullable ImageFormat ofName(String name) {
        for (ImageFormat format : values()) {
            if (format.formatName().equals(name)) {
                return format;
            }
        }
        return null;
    }

    /** Returns the name in images and commands, such as "qcow2". */
    public String formatName() {
        return name().toLowerCase(Locale.ROOT);
    }
}

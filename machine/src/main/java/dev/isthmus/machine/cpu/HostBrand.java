// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The host processor's name, for guests to show. */
public final class HostBrand {
    private static final String KEY = "model name";

    /** The name is among the first lines; the kernel writes the file as it is read, a CPU at a time. */
    private static final int READ_BYTES = 1024;

    private HostBrand() {}

    /**
     * Reads the name of the first processor.
     *
     * @param cpuinfo {@code /proc/cpuinfo}
     * @return the name, or an empty string where there is none: a guest does without
     */
    public static String read(Path cpuinfo) {
        byte[] start;
        try (InputStream in = Files.newInputStream(cpuinfo)) {
            start = in.readNBytes(READ_BYTES);
        } catch (IOException _) {
            return "";
        }
        String text = new String(start, StandardCharsets.ISO_8859_1);
        int line = text.indexOf(KEY);
        int end = line < 0 ? -1 : text.indexOf('\n', line);
        if (end < 0) {
            return "";
        }
        int colon = text.indexOf(':', line);
        return colon < 0 || colon > end ? "" : text.substring(colon + 1, end).strip();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** CPUID entries from a test resource, and comparisons of entries in words. */
final class CpuidSample {
    static final String AMD = "amd-epyc-milan";
    static final String AMD_PVM = "amd-epyc-pvm";
    static final String INTEL = "intel-sapphire-rapids";

    private CpuidSample() {}

    static CpuidEntry[] load(String name) {
        List<CpuidEntry> entries = new ArrayList<>();
        for (String line : lines(name + ".cpuid")) {
            String[] words = line.split(" ", -1);
            int[] values = new int[words.length];
            for (int i = 0; i < words.length; i++) {
                values[i] = (int) (long) Long.decode(words[i]);
            }
            entries.add(new CpuidEntry(
                    values[0], values[1], values[2], values[3], values[4], values[5], values[6]));
        }
        return entries.toArray(new CpuidEntry[0]);
    }

    /** Returns a resource's lines without comments. */
    static List<String> lines(String resource) {
        try (InputStream in = CpuidSample.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new AssertionError("No " + resource);
            }
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .filter(line -> !line.startsWith("#") && !line.isEmpty())
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns what is only in the first with a minus, then what is only in the second with a plus. */
    static List<String> difference(CpuidEntry[] before, CpuidEntry[] after) {
        Set<String> old = texts(before);
        Set<String> changed = texts(after);
        List<String> difference = new ArrayList<>();
        for (String line : old) {
            if (!changed.contains(line)) {
                difference.add("- " + line);
            }
        }
        for (String line : changed) {
            if (!old.contains(line)) {
                difference.add("+ " + line);
            }
        }
        return difference;
    }

    private static Set<String> texts(CpuidEntry[] entries) {
        Set<String> texts = new LinkedHashSet<>();
        for (CpuidEntry entry : entries) {
            texts.add(entry.toString());
        }
        return texts;
    }
}

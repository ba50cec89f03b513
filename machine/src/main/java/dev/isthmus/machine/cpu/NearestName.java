// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import org.jspecify.annotations.Nullable;

/** Finds what a user may have meant by a name that is none. */
final class NearestName {
    private NearestName() {}

    /**
     * Returns the candidate with the fewest edits (insert, delete, replace), or null where even that one differs in
     * more than a third of the name.
     */
    static @Nullable String find(String name, Iterable<String> candidates) {
        int best = Math.max(1, name.length() / 3) + 1;
        String nearest = null;
        for (String candidate : candidates) {
            int distance = distance(name, candidate);
            if (distance < best) {
                best = distance;
                nearest = candidate;
            }
        }
        return nearest;
    }

    /** The Levenshtein distance, a row of the table at a time. */
    private static int distance(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replace, Math.min(previous[j], row[j - 1]) + 1);
            }
            previous = row;
        }
        return previous[b.length()];
    }
}

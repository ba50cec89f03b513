// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/**
 * How the host provides the guest's RAM.
 *
 * @param hugePages from the host's reserved 2 MiB pages (hugetlbfs), which must be free in number
 * @param prefault all of it at once when the machine is created, instead of page by page as the guest touches it
 */
public record MemoryConfig(boolean hugePages, boolean prefault) {
    /** Ordinary pages, provided as the guest touches them. */
    public static final MemoryConfig DEFAULT = new MemoryConfig(false, false);
}

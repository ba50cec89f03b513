// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/** What users can do about files that can't be loaded. Compile-time constants: this class is never loaded. */
final class Remedies {
    /** For files that are something else. */
    static final String GIVE_A_KERNEL = "Give a 64-bit x86 kernel: an ELF vmlinux or a bzImage.";

    /** For kernels that contradict themselves. */
    static final String COPY_AGAIN = "The file is damaged or was not copied whole: build or copy it again.";

    private Remedies() {}
}

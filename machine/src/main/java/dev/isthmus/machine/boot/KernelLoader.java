// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/** Opens kernel files and finds out what they are. Stateless; any thread. */
public final class KernelLoader {
    /** What is read to tell formats apart: up to the end of the longest setup header known. */
    private static final int HEAD_BYTES = SetupHeader.END_MAX;

    private KernelLoader() {}

    /**
     * Opens and checks a kernel and its initrd. A compressed kernel is unpacked here, so that a damaged one shows
     * before anything of the host is taken.
     *
     * @param kernel the kernel's file
     * @param format what the file is; {@link KernelFormat#AUTO} looks at its magic numbers
     * @param initrd the initial RAM disk's file, or null for none
     * @return the kernel, which holds the files open until it is closed
     * @throws dev.isthmus.machine.VmException.Configuration if a file can't be read or is not what it should be; the
     *     message names the file and the cause
     */
    public static Kernel open(Path kernel, KernelFormat format, @Nullable Path initrd) {
        KernelFile kernelFile = KernelFile.open(kernel, "kernel");
        KernelFile initrdFile = null;
        KernelImage image = null;
        try {
            if (initrd != null) {
                initrdFile = KernelFile.open(initrd, "initrd");
            }
            image = read(kernelFile, format, initrdFile != null);
            return new Kernel(image, initrdFile);
        } finally {
            if (image == null) {
                kernelFile.close();
                if (initrdFile != null) {
                    initrdFile.close();
                }
            }
        }
    }

    private static KernelImage read(KernelFile file, KernelFormat format, boolean hasInitrd) {
        if (format == KernelFormat.FLAT) {
            return FlatBinary.of(file, hasInitrd);
        }
        byte[] head = new byte[(int) Math.min(HEAD_BYTES, file.sizeBytes())];
        file.read(0, head, 0, head.length);
        if (format == KernelFormat.ELF || (format == KernelFormat.AUTO && ElfImage.hasMagic(head))) {
            return new ElfKernel(file, ElfImage.parse(file));
        }
        if (format == KernelFormat.BZIMAGE || SetupHeader.hasMagic(head)) {
            return BzImage.open(file, head);
        }
        throw UnknownFile.explain(file.name(), head);
    }
}

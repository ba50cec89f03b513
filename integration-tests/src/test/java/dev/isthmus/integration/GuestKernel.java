// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

import dev.isthmus.vmm.DemoGuest;

/** The demo guest's kernel in each form that Isthmus boots, made from the committed bzImage. */
enum GuestKernel {
    /** The bzImage as it is committed: Isthmus decompresses its payload. */
    BZIMAGE,
    /** The ELF file within, which has the PVH note. */
    ELF_PVH,
    /** The same without the note, so that the 64-bit Linux boot protocol is left. */
    ELF_64;

    // Documentation/arch/x86/boot.rst: where the setup header says that the payload is.
    private static final int SETUP_SECTS = 0x1f1;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24c;
    private static final int SECTOR_BYTES = 512;

    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;
    private static final int NOTE_OF_NO_MEANING = 0x7fff_0000;

    /** Returns the file, made in this module's build folder on first use. */
    synchronized Path file() {
        Path committed = DemoGuest.locate().kernel();
        if (this == BZIMAGE) {
            return committed;
        }
        Path made = Path.of("target", "guest-kernels", name().toLowerCase(java.util.Locale.ROOT));
        try {
            if (!Files.exists(made) || Files.getLastModifiedTime(made).compareTo(Files.getLastModifiedTime(committed)) < 0) {
                byte[] elf = payload(Files.readAllBytes(committed));
                if (this == ELF_64) {
                    hidePvhNote(elf);
                }
                Files.createDirectories(made.getParent());
                Path unfinished = Files.createTempFile(made.getParent(), "kernel", null);
                Files.write(unfinished, elf);
                Files.move(unfinished, made, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return made;
    }

    private static byte[] payload(byte[] image) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
        int start = (Byte.toUnsignedInt(image[SETUP_SECTS]) + 1) * SECTOR_BYTES + header.getInt(PAYLOAD_OFFSET);
        try (GZIPInputStream in =
                new GZIPInputStream(new ByteArrayInputStream(image, start, header.getInt(PAYLOAD_LENGTH)))) {
            return in.readAllBytes();
        }
    }

    private static void hidePvhNote(byte[] elf) {
        ByteBuffer words = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
        int xen = 'X' | 'e' << 8 | 'n' << 16;
        for (int i = 0; i + 16 <= elf.length; i += 4) {
            boolean isNote = words.getInt(i) == 4 && words.getInt(i + 12) == xen;
            if (isNote && words.getInt(i + 8) == XEN_ELFNOTE_PHYS32_ENTRY) {
                words.putInt(i + 8, NOTE_OF_NO_MEANING);
                return;
            }
        }
        throw new AssertionError("The kernel has no PVH note");
    }
}

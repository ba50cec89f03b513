// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes hand-assembled code as kernel files that a machine boots. */
public final class GuestKernel {
    /** Where the code of a PVH kernel lies and is entered: 1 MiB. */
    public static final int PVH_CODE_GPA = 0x10_0000;

    private static final int EHDR_BYTES = 64;
    private static final int PHDR_BYTES = 56;
    private static final int NOTE_BYTES = 20;
    private static final int CODE_OFFSET = 0x1000;

    private static final short ET_EXEC = 2;
    private static final short EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int PF_R_W_X = 7;
    private static final int PF_R = 4;

    /** Physical address of the 32-bit entry point (xen/interface/elfnote.h). */
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    private GuestKernel() {}

    /** Writes code as it is: a flat binary, entered in real mode. */
    public static Path flat(Path directory, GuestCode code) throws IOException {
        return Files.write(directory.resolve("guest.bin"), code.bytes());
    }

    /** Writes code as an ELF file with a PVH note, entered in 32-bit protected mode at its first byte. */
    public static Path pvh(Path directory, GuestCode code) throws IOException {
        byte[] bytes = code.bytes();
        ByteBuffer file = ByteBuffer.allocate(CODE_OFFSET + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        int noteOffset = EHDR_BYTES + 2 * PHDR_BYTES;

        file.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0}).position(16);
        file.putShort(ET_EXEC).putShort(EM_X86_64).putInt(1);
        file.putLong(PVH_CODE_GPA).putLong(EHDR_BYTES).putLong(0).putInt(0);
        file.putShort((short) EHDR_BYTES).putShort((short) PHDR_BYTES).putShort((short) 2);

        file.position(EHDR_BYTES);
        programHeader(file, PT_LOAD, PF_R_W_X, CODE_OFFSET, bytes.length);
        programHeader(file, PT_NOTE, PF_R, noteOffset, NOTE_BYTES);

        file.position(noteOffset);
        file.putInt(4).putInt(4).putInt(XEN_ELFNOTE_PHYS32_ENTRY);
        file.put("Xen\0".getBytes(StandardCharsets.US_ASCII)).putInt(PVH_CODE_GPA);

        file.position(CODE_OFFSET);
        file.put(bytes);
        return Files.write(directory.resolve("guest.elf"), file.array());
    }

    private static void programHeader(ByteBuffer file, int type, int flags, int offset, int lengthBytes) {
        int address = type == PT_LOAD ? PVH_CODE_GPA : 0;
        file.putInt(type).putInt(flags);
        file.putLong(offset).putLong(address).putLong(address);
        file.putLong(lengthBytes).putLong(lengthBytes).putLong(type == PT_LOAD ? 0x1000 : 4);
    }
}

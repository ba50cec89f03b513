// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.boot;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes small ELF kernels for x86-64: {@code TestElf.pvh(code)} and {@code TestElf.linux64(code)} for a hand-assembled
 * guest that is one piece of code, and a builder for all else. The result is bootable, and deterministic.
 *
 * <pre>
 *  ELF header | program headers | segments, 16-byte aligned | notes | section headers, if asked for
 * </pre>
 */
public final class TestElf {
    /** Where {@link #pvh} and {@link #linux64} load their code: 1 MiB, which is also its entry point. */
    public static final long CODE_GPA = 0x10_0000;

    /** Offset of the first program header in the file. */
    public static final int PHDRS_OFFSET = 64;

    private static final int PHDR_BYTES = 56;
    private static final int SHDR_BYTES = 64;
    private static final int ALIGNMENT = 16;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int SHT_NOTE = 7;
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    /** What is to be loaded. */
    private static final class Segment {
        final long gpa;
        final byte[] content;
        final long memoryBytes;

        Segment(long gpa, byte[] content, long memoryBytes) {
            this.gpa = gpa;
            this.content = content;
            this.memoryBytes = memoryBytes;
        }
    }

    private final List<Segment> segments = new ArrayList<>();
    private final List<byte[]> notes = new ArrayList<>();
    private long entryGpa = CODE_GPA;
    private boolean notesInSection;
    private int noteAlignment = 4;

    /** Starts an ELF file without segments, its entry point at {@link #CODE_GPA}. */
    public TestElf() {}

    /** Returns a kernel that is entered by PVH, in 32-bit protected mode, at the first byte of {@code code}. */
    public static byte[] pvh(byte[] code) {
        return new TestElf().segment(CODE_GPA, code, code.length).pvhNote(CODE_GPA).build();
    }

    /** Returns a kernel that is entered by the 64-bit Linux boot protocol at the first byte of {@code code}. */
    public static byte[] linux64(byte[] code) {
        return new TestElf().segment(CODE_GPA, code, code.length).build();
    }

    /** Writes an image to a new file in a directory and returns its path. */
    public static Path write(Path directory, byte[] image) {
        try {
            return Files.write(Files.createTempFile(directory, "kernel", ".elf"), image);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sets {@code e_entry}. */
    public TestElf entry(long gpa) {
        entryGpa = gpa;
        return this;
    }

    /**
     * Adds a segment to be loaded.
     *
     * @param content what the file holds of it
     * @param memoryBytes its size in memory
     */
    public TestElf segment(long gpa, byte[] content, long memoryBytes) {
        segments.add(new Segment(gpa, content.clone(), memoryBytes));
        return this;
    }

    /** Adds the note that makes a kernel bootable by PVH, with a 4-byte descriptor. */
    public TestElf pvhNote(long gpa) {
        return note("Xen\0", XEN_ELFNOTE_PHYS32_ENTRY, littleEndian(gpa, 4));
    }

    /** Adds the same note with an 8-byte descriptor, as Linux writes it. */
    public TestElf pvhNote64(long gpa) {
        return note("Xen\0", XEN_ELFNOTE_PHYS32_ENTRY, littleEndian(gpa, 8));
    }

    /** Adds any note. Set {@link #noteAlignment} before. */
    public TestElf note(String name, int type, byte[] descriptor) {
        byte[] nameBytes = name.getBytes(StandardCharsets.ISO_8859_1);
        int descriptorAt = align(12 + nameBytes.length, noteAlignment);
        byte[] bytes = new byte[align(descriptorAt + descriptor.length, noteAlignment)];
        ByteBuffer note = le(bytes);
        note.putInt(nameBytes.length).putInt(descriptor.length).putInt(type).put(nameBytes);
        note.position(descriptorAt).put(descriptor);
        notes.add(bytes);
        return this;
    }

    /** Sets the alignment of notes, 4 or 8. */
    public TestElf noteAlignment(int alignment) {
        noteAlignment = alignment;
        return this;
    }

    /** Has the notes found by a section header, without a program header. */
    public TestElf notesInSection() {
        notesInSection = true;
        return this;
    }

    /** Returns the file's bytes. */
    public byte[] build() {
        boolean hasNotes = !notes.isEmpty();
        int phnum = segments.size() + (hasNotes && !notesInSection ? 1 : 0);
        int shnum = hasNotes && notesInSection ? 2 : 0;
        ByteBuffer phdrs = le(new byte[phnum * PHDR_BYTES]);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        int contentAt = align(PHDRS_OFFSET + phdrs.capacity(), ALIGNMENT);
        for (Segment segment : segments) {
            putPhdr(phdrs, PT_LOAD, contentAt + content.size(), segment, ALIGNMENT);
            content.writeBytes(segment.content);
            content.writeBytes(new byte[align(content.size(), ALIGNMENT) - content.size()]);
        }
        int notesAt = contentAt + content.size();
        for (byte[] note : notes) {
            content.writeBytes(note);
        }
        int notesBytes = contentAt + content.size() - notesAt;
        if (hasNotes && !notesInSection) {
            putPhdr(phdrs, PT_NOTE, notesAt, new Segment(0, new byte[notesBytes], notesBytes), noteAlignment);
        }
        content.writeBytes(new byte[align(content.size(), ALIGNMENT) - content.size()]);
        int shdrsAt = contentAt + content.size();
        byte[] image = new byte[shdrsAt + shnum * SHDR_BYTES];
        ByteBuffer file = le(image);
        putEhdr(file, phnum, shnum == 0 ? 0 : shdrsAt, shnum);
        file.put(phdrs.flip());
        file.position(contentAt).put(content.toByteArray());
        if (shnum != 0) {
            // The first section header is empty.
            file.position(shdrsAt + SHDR_BYTES);
            file.putInt(0).putInt(SHT_NOTE).putLong(0).putLong(0).putLong(notesAt).putLong(notesBytes);
            file.putInt(0).putInt(0).putLong(noteAlignment).putLong(0);
        }
        return image;
    }

    private void putEhdr(ByteBuffer file, int phnum, int shoff, int shnum) {
        // ELFCLASS64, ELFDATA2LSB, EV_CURRENT; ET_EXEC, EM_X86_64.
        file.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        file.putShort((short) 2).putShort((short) 62).putInt(1);
        file.putLong(entryGpa).putLong(PHDRS_OFFSET).putLong(shoff).putInt(0);
        file.putShort((short) 64).putShort((short) PHDR_BYTES).putShort((short) phnum);
        file.putShort((short) SHDR_BYTES).putShort((short) shnum).putShort((short) 0);
    }

    private static void putPhdr(ByteBuffer phdrs, int type, int offset, Segment segment, int alignment) {
        phdrs.putInt(type).putInt(7).putLong(offset).putLong(segment.gpa).putLong(segment.gpa);
        phdrs.putLong(segment.content.length).putLong(segment.memoryBytes).putLong(alignment);
    }

    private static int align(int value, int alignment) {
        return (value + alignment - 1) & -alignment;
    }

    private static byte[] littleEndian(long value, int widthBytes) {
        byte[] bytes = new byte[widthBytes];
        for (int i = 0; i < widthBytes; i++) {
            bytes[i] = (byte) (value >>> (8 * i));
        }
        return bytes;
    }

    private static ByteBuffer le(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}

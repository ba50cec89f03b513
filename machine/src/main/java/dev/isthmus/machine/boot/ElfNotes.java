// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/**
 * Finds the note by which an ELF kernel says that it can be entered by PVH: XEN_ELFNOTE_PHYS32_ENTRY of
 * Xen's {@code public/elfnote.h}. Notes are read from PT_NOTE segments; where a file has none, from SHT_NOTE sections.
 *
 * <pre>
 *  +0 n_namesz  +4 n_descsz  +8 n_type  +12 name, padded  desc, padded
 * </pre>
 */
final class ElfNotes {
    /** No such note. Not an address: entry points lie below 4 GiB. */
    static final long NONE = -1;

    /** Physical address of the 32-bit entry point; 4 or 8 bytes. */
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    private static final int PHDR_BYTES = 56;
    private static final int SHDR_BYTES = 64;
    private static final int NOTE_HEADER_BYTES = 12;
    private static final int PT_NOTE = 4;
    private static final int SHT_NOTE = 7;

    /** Bounds what is read: kernels have some 500 bytes of notes and up to a hundred sections. */
    private static final int NOTES_MAX_BYTES = 1 << 20;

    private static final int SECTIONS_MAX = 4096;

    private ElfNotes() {}

    /**
     * Searches the notes.
     *
     * @param ehdr the ELF header
     * @param phdrs the program headers, {@code phnum} of them
     * @return the entry point's guest physical address, below 4 GiB, or {@link #NONE}
     * @throws dev.isthmus.machine.VmException.Configuration if notes lie outside of the file or run into each other
     */
    static long findPhys32Entry(ImageSource source, byte[] ehdr, byte[] phdrs, int phnum) {
        boolean hasNotes = false;
        for (int i = 0; i < phnum; i++) {
            int base = i * PHDR_BYTES;
            if (LittleEndian.u32(phdrs, base) == PT_NOTE) {
                hasNotes = true;
                long entry = findIn(
                        source,
                        LittleEndian.u64(phdrs, base + 8),
                        LittleEndian.u64(phdrs, base + 32),
                        LittleEndian.u64(phdrs, base + 48));
                if (entry != NONE) {
                    return entry;
                }
            }
        }
        return hasNotes ? NONE : findInSections(source, ehdr);
    }

    private static long findInSections(ImageSource source, byte[] ehdr) {
        long shoff = LittleEndian.u64(ehdr, 40);
        int shnum = LittleEndian.u16(ehdr, 60);
        if (shoff == 0 || shnum == 0) {
            return NONE;
        }
        if (LittleEndian.u16(ehdr, 58) != SHDR_BYTES || shnum > SECTIONS_MAX) {
            throw ElfImage.damaged(source, "has section headers that mean nothing");
        }
        byte[] shdrs = new byte[shnum * SHDR_BYTES];
        if (!ElfImage.within(shoff, shdrs.length, source.sizeBytes())) {
            throw ElfImage.damaged(source, "has section headers beyond its end");
        }
        source.read(shoff, shdrs, 0, shdrs.length);
        for (int i = 0; i < shnum; i++) {
            int base = i * SHDR_BYTES;
            if (LittleEndian.u32(shdrs, base + 4) == SHT_NOTE) {
                long entry = findIn(
                        source,
                        LittleEndian.u64(shdrs, base + 24),
                        LittleEndian.u64(shdrs, base + 32),
                        LittleEndian.u64(shdrs, base + 48));
                if (entry != NONE) {
                    return entry;
                }
            }
        }
        return NONE;
    }

    private static long findIn(ImageSource source, long offset, long lengthBytes, long alignment) {
        if (!ElfImage.within(offset, lengthBytes, source.sizeBytes()) || lengthBytes > NOTES_MAX_BYTES) {
            throw ElfImage.damaged(source, "has notes beyond its end");
        }
        byte[] notes = new byte[(int) lengthBytes];
        source.read(offset, notes, 0, notes.length);
        // gABI: notes of 64-bit files are aligned to 8; everybody's are aligned to 4, unless they say 8.
        int padding = alignment == 8 ? 7 : 3;
        int at = 0;
        while (notes.length - at >= NOTE_HEADER_BYTES) {
            long nameBytes = LittleEndian.u32(notes, at);
            long descBytes = LittleEndian.u32(notes, at + 4);
            long type = LittleEndian.u32(notes, at + 8);
            long name = (long) at + NOTE_HEADER_BYTES;
            // Sums of a few 32-bit values: no overflow in a long.
            long desc = padded(name + nameBytes, padding);
            if (desc + descBytes > notes.length) {
                throw ElfImage.damaged(source, "has notes that run over their end");
            }
            if (type == XEN_ELFNOTE_PHYS32_ENTRY && isXen(notes, (int) name, nameBytes)) {
                return entryOf(source, notes, (int) desc, descBytes);
            }
            at = (int) Math.min(padded(desc + descBytes, padding), notes.length);
        }
        return NONE;
    }

    private static long padded(long offset, int padding) {
        return (offset + padding) & ~padding;
    }

    private static boolean isXen(byte[] notes, int at, long nameBytes) {
        return nameBytes == 4
                && notes[at] == 'X'
                && notes[at + 1] == 'e'
                && notes[at + 2] == 'n'
                && notes[at + 3] == 0;
    }

    private static long entryOf(ImageSource source, byte[] notes, int at, long descBytes) {
        long entry = NONE;
        if (descBytes == 4) {
            entry = LittleEndian.u32(notes, at);
        } else if (descBytes == 8) {
            entry = LittleEndian.u64(notes, at);
        }
        if (entry < 0 || entry > 0xffff_ffffL) {
            throw ElfImage.damaged(source, "has a PVH note without a 32-bit entry point");
        }
        return entry;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.memory.GuestMemory;

/**
 * The headers of a 64-bit x86 ELF executable, checked: every segment lies within the file and at sane, disjoint guest
 * addresses from 1 MiB on. Source: System V gABI, chapters 4 and 5; field names are its own. Immutable.
 */
final class ElfImage {
    private static final long PAGE_BYTES = 4096;
    private static final int EHDR_BYTES = 64;
    private static final int PHDR_BYTES = 56;

    /** Most program headers taken. vmlinux has 5; more than this is damage, PN_XNUM (0xffff) included. */
    private static final int PHDRS_MAX = 128;

    private static final int ELFCLASS32 = 1;
    private static final int ELFCLASS64 = 2;
    private static final int ELFDATA2LSB = 1;
    private static final int ELFDATA2MSB = 2;
    private static final int EV_CURRENT = 1;
    private static final int ET_REL = 1;
    private static final int ET_EXEC = 2;
    private static final int ET_DYN = 3;
    private static final int ET_CORE = 4;
    private static final int EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_INTERP = 3;

    private final ImageSource source;
    private final long entryGpa;
    private final long pvhEntryGpa;
    private final int segments;
    // Per loaded segment, by ascending guest address.
    private final long[] gpas;
    private final long[] memoryBytes;
    private final long[] fileOffsets;
    private final long[] fileBytes;

    private ElfImage(ImageSource source, byte[] ehdr, byte[] phdrs, int phnum) {
        this.source = source;
        gpas = new long[phnum];
        memoryBytes = new long[phnum];
        fileOffsets = new long[phnum];
        fileBytes = new long[phnum];
        segments = readSegments(phdrs, phnum);
        entryGpa = LittleEndian.u64(ehdr, 24);
        long note = ElfNotes.findPhys32Entry(source, ehdr, phdrs, phnum);
        pvhEntryGpa = note;
        if (note != ElfNotes.NONE) {
            checkEntry(note, "PVH entry point");
        } else {
            checkEntry(entryGpa, "entry point");
        }
    }

    /** Tells whether bytes from the start of a file are those of an ELF file. */
    static boolean hasMagic(byte[] head) {
        return head.length >= 4 && head[0] == 0x7f && head[1] == 'E' && head[2] == 'L' && head[3] == 'F';
    }

    /**
     * Reads and checks the headers.
     *
     * @throws VmException.Configuration if this is not a kernel that can be loaded
     */
    static ElfImage parse(ImageSource source) {
        byte[] ehdr = new byte[EHDR_BYTES];
        int available = (int) Math.min(EHDR_BYTES, source.sizeBytes());
        source.read(0, ehdr, 0, available);
        if (!hasMagic(ehdr)) {
            throw refuse(source, "is not an ELF file", Remedies.GIVE_A_KERNEL);
        }
        if (available < EHDR_BYTES) {
            throw damaged(source, "ends within the ELF header");
        }
        checkKind(source, ehdr);
        int phnum = LittleEndian.u16(ehdr, 56);
        if (phnum == 0) {
            throw refuse(source, "is an ELF file without program headers", Remedies.GIVE_A_KERNEL);
        }
        if (phnum > PHDRS_MAX) {
            throw damaged(source, "has " + phnum + " program headers, more than the " + PHDRS_MAX + " allowed");
        }
        if (LittleEndian.u16(ehdr, 54) != PHDR_BYTES) {
            throw damaged(source, "has program headers of " + LittleEndian.u16(ehdr, 54) + " bytes instead of 56");
        }
        long phoff = LittleEndian.u64(ehdr, 32);
        byte[] phdrs = new byte[phnum * PHDR_BYTES];
        if (!within(phoff, phdrs.length, source.sizeBytes())) {
            throw damaged(source, "has program headers beyond its end");
        }
        source.read(phoff, phdrs, 0, phdrs.length);
        return new ElfImage(source, ehdr, phdrs, phnum);
    }

    private static void checkKind(ImageSource source, byte[] ehdr) {
        int elfClass = ehdr[4];
        int data = ehdr[5];
        if (data == ELFDATA2MSB) {
            throw refuse(source, "is a big-endian ELF file, for another processor", Remedies.GIVE_A_KERNEL);
        }
        if (elfClass == ELFCLASS32) {
            throw refuse(source, "is a 32-bit ELF file", Remedies.GIVE_A_KERNEL);
        }
        if (elfClass != ELFCLASS64 || data != ELFDATA2LSB || ehdr[6] != EV_CURRENT) {
            throw damaged(source, "has an ELF identification that means nothing");
        }
        int machine = LittleEndian.u16(ehdr, 18);
        if (machine != EM_X86_64) {
            throw refuse(source, "is for another processor (ELF machine " + machine + ")", Remedies.GIVE_A_KERNEL);
        }
        int type = LittleEndian.u16(ehdr, 16);
        if (type != ET_EXEC) {
            throw refuse(source, describeType(type), Remedies.GIVE_A_KERNEL);
        }
    }

    private static String describeType(int type) {
        return switch (type) {
            case ET_REL -> "is a relocatable object file, not a linked kernel";
            case ET_DYN -> "is a shared object or position-independent program, not a kernel at a fixed address";
            case ET_CORE -> "is a core dump, not a kernel";
            default -> "is an ELF file of unknown type " + type;
        };
    }

    /** Fills the segment arrays, sorted, and returns their number. */
    private int readSegments(byte[] phdrs, int phnum) {
        int count = 0;
        for (int i = 0; i < phnum; i++) {
            int base = i * PHDR_BYTES;
            long type = LittleEndian.u32(phdrs, base);
            if (type == PT_INTERP) {
                throw refuse(
                        source,
                        "is a program that runs under an operating system, not a kernel",
                        Remedies.GIVE_A_KERNEL);
            }
            if (type == PT_LOAD && readSegment(phdrs, base, count)) {
                count++;
            }
        }
        if (count == 0) {
            throw refuse(source, "is an ELF file with nothing to load", Remedies.GIVE_A_KERNEL);
        }
        for (int i = 1; i < count; i++) {
            // Neither end can wrap: checked for each segment.
            if (gpas[i - 1] + memoryBytes[i - 1] > gpas[i]) {
                throw damaged(source, "has segments that overlap at 0x" + Long.toHexString(gpas[i]));
            }
        }
        return count;
    }

    /** Checks one segment and sorts it in; returns whether it takes any memory. */
    private boolean readSegment(byte[] phdrs, int base, int count) {
        long offset = LittleEndian.u64(phdrs, base + 8);
        long paddr = LittleEndian.u64(phdrs, base + 24);
        long filesz = LittleEndian.u64(phdrs, base + 32);
        long memsz = LittleEndian.u64(phdrs, base + 40);
        if (Long.compareUnsigned(filesz, memsz) > 0) {
            throw damaged(source, "has a segment that is larger in the file than in memory");
        }
        if (memsz == 0) {
            return false;
        }
        if (filesz != 0 && !within(offset, filesz, source.sizeBytes())) {
            throw damaged(source, "ends within a segment that should be loaded");
        }
        if (memsz < 0 || paddr < 0 || paddr > Long.MAX_VALUE - memsz) {
            throw damaged(source, "has a segment beyond any address: 0x" + Long.toHexString(paddr));
        }
        long belowBytes = MachineLayout.HIGH_MEMORY_GPA - paddr;
        if (offset == 0 && belowBytes > 0 && belowBytes <= PAGE_BYTES && filesz > belowBytes) {
            // Linkers put the file's own headers in the page before code at 1 MiB; nobody needs them there.
            offset += belowBytes;
            paddr += belowBytes;
            filesz -= belowBytes;
            memsz -= belowBytes;
        } else if (belowBytes > 0) {
            throw refuse(
                    source,
                    "wants to be loaded at 0x" + Long.toHexString(paddr) + ", where boot data lies",
                    "Link the kernel at 1 MiB (0x100000) or above.");
        }
        int at = count;
        while (at > 0 && gpas[at - 1] > paddr) {
            gpas[at] = gpas[at - 1];
            memoryBytes[at] = memoryBytes[at - 1];
            fileOffsets[at] = fileOffsets[at - 1];
            fileBytes[at] = fileBytes[at - 1];
            at--;
        }
        gpas[at] = paddr;
        memoryBytes[at] = memsz;
        fileOffsets[at] = offset;
        fileBytes[at] = filesz;
        return true;
    }

    private void checkEntry(long gpa, String what) {
        for (int i = 0; i < segments; i++) {
            if (gpa >= gpas[i] && gpa - gpas[i] < memoryBytes[i]) {
                return;
            }
        }
        throw refuse(
                source,
                "has its " + what + " (0x" + Long.toHexString(gpa) + ") outside of what is loaded",
                "Link the kernel with its entry point at a physical address within a loaded segment.");
    }

    /** Tells whether a range lies within a size; any values. */
    static boolean within(long offset, long lengthBytes, long sizeBytes) {
        return offset >= 0 && lengthBytes >= 0 && offset <= sizeBytes && lengthBytes <= sizeBytes - offset;
    }

    static VmException.Configuration damaged(ImageSource source, String cause) {
        return refuse(source, cause, Remedies.COPY_AGAIN);
    }

    private static VmException.Configuration refuse(ImageSource source, String cause, String remedy) {
        return new VmException.Configuration(source.name() + ": " + cause, remedy);
    }

    /** Returns the file's name. */
    String name() {
        return source.name();
    }

    /** Tells whether the kernel is to be entered by PVH rather than by the 64-bit Linux boot protocol. */
    boolean isPvh() {
        return pvhEntryGpa != ElfNotes.NONE;
    }

    /** Returns the address of the first instruction, by the protocol that {@link #isPvh()} says. */
    long entryGpa() {
        return isPvh() ? pvhEntryGpa : entryGpa;
    }

    /** Returns the lowest address loaded. */
    long startGpa() {
        return gpas[0];
    }

    /** Returns the end of the highest segment, its zeroed part included. */
    long endGpa() {
        return gpas[segments - 1] + memoryBytes[segments - 1];
    }

    /** Writes the segments into guest RAM, which must reach {@link #endGpa()}, and zeroes the rest of each. */
    void copyTo(GuestMemory memory) {
        for (int i = 0; i < segments; i++) {
            if (fileBytes[i] != 0) {
                source.copyTo(memory, gpas[i], fileOffsets[i], fileBytes[i]);
            }
            long zeroBytes = memoryBytes[i] - fileBytes[i];
            if (zeroBytes != 0) {
                memory.fill(gpas[i] + fileBytes[i], zeroBytes, (byte) 0);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.util.Arrays;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

/**
 * The setup header of a bzImage, at the same offsets in the file and in {@code boot_params}. Source: Linux's
 * Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"; names are its own. Immutable.
 */
final class SetupHeader {
    /** Where the header ends at most: {@code boot_params} has other fields from there. */
    static final int END_MAX = 0x290;

    // Offsets of fields.
    static final int SETUP_SECTS = 0x1f1;
    static final int BOOT_FLAG = 0x1fe;
    static final int JUMP = 0x200;
    static final int HEADER = 0x202;
    static final int VERSION = 0x206;
    static final int TYPE_OF_LOADER = 0x210;
    static final int LOADFLAGS = 0x211;
    static final int RAMDISK_IMAGE = 0x218;
    static final int RAMDISK_SIZE = 0x21c;
    static final int CMD_LINE_PTR = 0x228;
    static final int INITRD_ADDR_MAX = 0x22c;
    static final int XLOADFLAGS = 0x236;
    static final int CMDLINE_SIZE = 0x238;
    static final int PAYLOAD_OFFSET = 0x248;
    static final int PAYLOAD_LENGTH = 0x24c;
    static final int SETUP_DATA = 0x250;
    static final int PREF_ADDRESS = 0x258;
    static final int INIT_SIZE = 0x260;

    static final int BOOT_FLAG_MAGIC = 0xaa55;

    /** "HdrS". */
    static final long HEADER_MAGIC = 0x5372_6448L;

    /** Protocol 2.12 (Linux 3.8) brought xloadflags, the last field needed here; the others are older. */
    private static final int VERSION_MIN = 0x020c;

    /** Bit of xloadflags: the kernel has a 64-bit entry point. */
    private static final int XLF_KERNEL_64 = 1;

    private static final int SECTOR_BYTES = 512;

    /** What 0 in setup_sects stands for, "for backwards compatibility". */
    private static final int SETUP_SECTS_DEFAULT = 4;

    private final byte[] head;
    private final int end;

    private SetupHeader(byte[] head, int end) {
        this.head = head;
        this.end = end;
    }

    /** Tells whether bytes from the start of a file are those of a Linux kernel for x86. */
    static boolean hasMagic(byte[] head) {
        return head.length >= VERSION
                && LittleEndian.u16(head, BOOT_FLAG) == BOOT_FLAG_MAGIC
                && LittleEndian.u32(head, HEADER) == HEADER_MAGIC;
    }

    /**
     * Checks the header.
     *
     * @param file the file's name
     * @param head the start of the file, up to {@link #END_MAX}
     * @throws VmException.Configuration if this is not the header of a 64-bit kernel
     */
    static SetupHeader parse(String file, byte[] head) {
        if (!hasMagic(head)) {
            throw new VmException.Configuration(
                    file + ": is not a bzImage", Remedies.GIVE_A_KERNEL);
        }
        if (head.length <= INIT_SIZE + 4) {
            throw new VmException.Configuration(file + ": ends within the setup header", Remedies.COPY_AGAIN);
        }
        int version = LittleEndian.u16(head, VERSION);
        if (version < VERSION_MIN) {
            throw new VmException.Configuration(
                    file + ": has boot protocol " + (version >>> 8) + "." + (version & 0xff) + ", older than 2.12",
                    "Use Linux 3.8 or later.");
        }
        if ((LittleEndian.u16(head, XLOADFLAGS) & XLF_KERNEL_64) == 0) {
            throw new VmException.Configuration(
                    file + ": is a 32-bit kernel", Remedies.GIVE_A_KERNEL);
        }
        // The jump over the header is two bytes long, its second byte the distance from behind it.
        int end = HEADER + (head[JUMP + 1] & 0xff);
        if (end < INIT_SIZE + 4 || end > head.length) {
            throw new VmException.Configuration(
                    file + ": has a setup header of impossible length", Remedies.COPY_AGAIN);
        }
        return new SetupHeader(Arrays.copyOf(head, END_MAX), end);
    }

    /** Copies the header into {@code boot_params}, at its own offset. */
    void copyTo(byte[] bootParams) {
        System.arraycopy(head, SETUP_SECTS, bootParams, SETUP_SECTS, end - SETUP_SECTS);
    }

    /** Returns the offset of the compressed kernel in the file, up to some 4 GiB; the file may be shorter. */
    long payloadOffset() {
        int sectors = head[SETUP_SECTS] & 0xff;
        long protectedModeOffset = (1L + (sectors == 0 ? SETUP_SECTS_DEFAULT : sectors)) * SECTOR_BYTES;
        return protectedModeOffset + LittleEndian.u32(head, PAYLOAD_OFFSET);
    }

    /** Returns the size of the compressed kernel, below 4 GiB; not checked against the file's size. */
    long payloadBytes() {
        return LittleEndian.u32(head, PAYLOAD_LENGTH);
    }

    /** Returns how much memory the kernel needs from its start until it reads the memory map, below 4 GiB. */
    long initBytes() {
        return LittleEndian.u32(head, INIT_SIZE);
    }

    /** Returns the end of that memory, or {@link Long#MAX_VALUE} where the header names an address beyond any. */
    long initEndGpa() {
        long prefGpa = LittleEndian.u64(head, PREF_ADDRESS);
        return prefGpa < 0 || prefGpa > Long.MAX_VALUE - initBytes() ? Long.MAX_VALUE : prefGpa + initBytes();
    }

    /** Returns the last address that the initrd may take, below 4 GiB. */
    long initrdMaxGpa() {
        return LittleEndian.u32(head, INITRD_ADDR_MAX);
    }

    /** Returns the length of the longest command line, its NUL not counted. */
    int commandLineMaxBytes() {
        return (int) Math.min(LittleEndian.u32(head, CMDLINE_SIZE), MachineLayout.COMMAND_LINE_MAX_BYTES - 1);
    }
}

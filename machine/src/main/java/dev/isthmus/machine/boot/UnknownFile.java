// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.PayloadFormat;

/** Says what a file is that is no kernel, where that is easily told. */
final class UnknownFile {
    private UnknownFile() {}

    /** Returns what to throw for a file that starts with {@code head}. */
    static VmException.Configuration explain(String file, byte[] head) {
        if (PayloadFormat.of(head) != null) {
            return refuse(file, "is a compressed file, not a kernel", "Unpack it first.");
        }
        if (startsWith(head, 0x38, 'A', 'R', 'M', 0x64) || startsWith(head, 0x38, 'R', 'S', 'C', 0x05)) {
            return refuse(file, "is a kernel for another processor", Remedies.GIVE_A_KERNEL);
        }
        if (startsWith(head, 0, 'M', 'Z')) {
            return refuse(file, "is an EFI program, not a kernel", Remedies.GIVE_A_KERNEL);
        }
        if (startsWith(head, 0, 'Q', 'F', 'I', 0xfb) || startsWith(head, 0x1fe, 0x55, 0xaa)) {
            return refuse(
                    file, "is a disk image, not a kernel", "Give the disk as a disk, and its kernel as the kernel.");
        }
        if (startsWith(head, 0, '0', '7', '0', '7', '0')) {
            return refuse(
                    file, "is a cpio archive, not a kernel", "Give it as the initrd, and a kernel as the kernel.");
        }
        return refuse(file, "is no kernel: neither an ELF file nor a bzImage", Remedies.GIVE_A_KERNEL);
    }

    private static boolean startsWith(byte[] head, int offset, int... magic) {
        if (head.length < offset + magic.length) {
            return false;
        }
        for (int i = 0; i < magic.length; i++) {
            if ((head[offset + i] & 0xff) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    private static VmException.Configuration refuse(String file, String cause, String remedy) {
        return new VmException.Configuration(file + ": " + cause, remedy);
    }
}

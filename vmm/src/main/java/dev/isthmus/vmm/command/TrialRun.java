// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

import dev.isthmus.machine.HostCheck;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

/** The smallest guest there is, to see whether VMs run at all: it writes one byte to the debug-exit port. */
final class TrialRun {
    /** What the guest writes. */
    static final int VALUE = 0x15;

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final int ELF_HEADER_BYTES = 64;
    private static final int PROGRAM_HEADER_BYTES = 56;
    private static final int NOTE_OFFSET = ELF_HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
    private static final int NOTE_BYTES = 20;
    private static final int CODE_OFFSET = 0x1000;
    private static final int CODE_BYTES = 5;
    private static final int CODE_GPA = (int) MachineLayout.HIGH_MEMORY_GPA;

    private TrialRun() {}

    /** Creates a VM, runs it, closes it. */
    static HostCheck check() throws InterruptedException {
        String subject = "a VM";
        long start = System.nanoTime();
        try {
            Path kernel = Files.createTempFile("isthmus-trial", ".elf");
            try {
                Files.write(kernel, kernel());
                VmResult result;
                try (Vm vm = Vm.builder()
                        .kernel(kernel)
                        .memory("16M")
                        .debugExit(MachineLayout.DEBUG_EXIT_PORT)
                        .noReboot()
                        .start()) {
                    result = vm.awaitExit(PATIENCE);
                }
                if (!result.equals(new VmResult.DebugExit(VALUE))) {
                    return HostCheck.failed(
                            subject,
                            "its one instruction did not arrive: " + result,
                            "This is a fault of the host's KVM or of Isthmus: please report it.");
                }
            } finally {
                Files.delete(kernel);
            }
        } catch (VmException e) {
            return HostCheck.failed(subject, String.valueOf(e.getMessage()), e.remedy());
        } catch (IOException e) {
            return HostCheck.note(
                    subject, "not tried, since no temporary file can be written: " + e.getMessage(), "Set TMPDIR.");
        }
        return HostCheck.ok(
                subject, "created, ran one instruction and closed in " + (System.nanoTime() - start) / 1_000_000 + " ms");
    }

    /**
     * A kernel by the PVH boot protocol: an ELF file with one segment of code, and the note that names its entry point
     * (Xen's {@code public/elfnote.h}). Runs in 32-bit mode.
     */
    static byte[] kernel() {
        ByteBuffer elf = ByteBuffer.allocate(CODE_OFFSET + CODE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16); // ELFCLASS64, ELFDATA2LSB, EV_CURRENT
        elf.putShort((short) 2).putShort((short) 62).putInt(1); // ET_EXEC, EM_X86_64, EV_CURRENT
        elf.putLong(CODE_GPA).putLong(ELF_HEADER_BYTES).putLong(0).putInt(0); // e_entry, e_phoff, e_shoff, e_flags
        elf.putShort((short) ELF_HEADER_BYTES).putShort((short) PROGRAM_HEADER_BYTES).putShort((short) 2);
        elf.position(ELF_HEADER_BYTES);
        elf.putInt(1).putInt(5).putLong(CODE_OFFSET); // PT_LOAD, PF_R | PF_X
        elf.putLong(CODE_GPA).putLong(CODE_GPA).putLong(CODE_BYTES).putLong(CODE_BYTES).putLong(0x1000);
        elf.putInt(4).putInt(4).putLong(NOTE_OFFSET); // PT_NOTE, PF_R
        elf.putLong(0).putLong(0).putLong(NOTE_BYTES).putLong(NOTE_BYTES).putLong(4);
        elf.putInt(4).putInt(4).putInt(18).put(new byte[] {'X', 'e', 'n', 0}).putInt(CODE_GPA); // PHYS32_ENTRY
        elf.position(CODE_OFFSET);
        elf.put((byte) 0xb0).put((byte) VALUE); // mov al, VALUE
        elf.put((byte) 0xe6).put((byte) MachineLayout.DEBUG_EXIT_PORT); // out 0xf4, al
        elf.put((byte) 0xf4); // hlt
        return elf.array();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import java.util.HexFormat;

import dev.isthmus.machine.accel.CpuRegisters;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.memory.GuestMemory;

/**
 * Writes down what a kernel developer wants to know when a VM ends abnormally: why, the registers, the instruction, the
 * stack.
 *
 * <p>Role VCPU: called on the stopped vCPU's thread.
 */
public final class CpuDump {
    /** What is shown at RIP; the longest instruction has 15 bytes. */
    private static final int CODE_BYTES = 16;

    private static final int STACK_WORDS = 8;
    private static final int REGISTERS_PER_LINE = 4;

    private final GuestMemory memory;
    private final StringBuilder text = new StringBuilder(2048);

    private CpuDump(GuestMemory memory) {
        this.memory = memory;
    }

    /**
     * Describes a vCPU after an exit.
     *
     * @param headline what happened, in the user's words
     */
    public static String of(String headline, Vcpu vcpu, VcpuExit exit, GuestMemory memory) {
        CpuDump dump = new CpuDump(memory);
        dump.text.append(headline).append('\n');
        dump.text.append("vCPU ").append(vcpu.index()).append(": ").append(exit.describe()).append('\n');
        dump.appendRegisters(vcpu.registers(), exit);
        return dump.text.toString();
    }

    private void appendRegisters(CpuRegisters registers, VcpuExit exit) {
        CpuRegisters.Segment code = registers.segments().get("cs");
        text.append("  rip ").append(hex16(registers.rip()));
        text.append("  rflags ").append(hex16(registers.rflags()));
        text.append("  mode ").append(mode(registers)).append(", CPL ").append(registers.segments().get("ss").dpl());
        text.append('\n');
        for (int i = 0; i < CpuRegisters.GENERAL_NAMES.size(); i++) {
            String name = CpuRegisters.GENERAL_NAMES.get(i);
            text.append(i % REGISTERS_PER_LINE == 0 ? "  " : " ").append(name).append(name.length() == 2 ? "  " : " ");
            text.append(hex16(registers.general().get(i)));
            text.append(i % REGISTERS_PER_LINE == REGISTERS_PER_LINE - 1 ? "\n" : " ");
        }
        appendControl(registers.control());
        appendSegments(registers.segments());

        PageWalker walker = new PageWalker(memory, registers.control());
        appendCode(walker, linear(registers, code, registers.rip()), exit);
        long stackPointer = registers.general().get(CpuRegisters.GENERAL_NAMES.indexOf("rsp"));
        appendStack(walker, linear(registers, registers.segments().get("ss"), stackPointer));
    }

    private void appendControl(CpuRegisters.Control control) {
        text.append("  cr0 ").append(hex16(control.cr0()));
        text.append("  cr2 ").append(hex16(control.cr2()));
        text.append("  cr3 ").append(hex16(control.cr3()));
        text.append("  cr4 ").append(hex16(control.cr4())).append('\n');
        text.append("  cr8 ").append(hex16(control.cr8()));
        text.append("  efer ").append(hex16(control.efer()));
        text.append("  apic base ").append(hex16(control.apicBase())).append('\n');
    }

    private void appendSegments(CpuRegisters.Segments segments) {
        for (CpuRegisters.Segment segment : segments.named()) {
            CpuRegisters.Attributes attributes = segment.attributes();
            text.append("  ").append(pad(segment.name(), 4)).append(' ').append(hex4(segment.selector()));
            text.append("  base ").append(hex16(segment.base()));
            text.append("  limit ").append(hex8(segment.limit()));
            text.append("  type ").append(Integer.toHexString(segment.type()));
            text.append("  dpl ").append(segment.dpl());
            text.append(attributes.present() ? "  present" : "  absent");
            text.append(attributes.longMode() ? ", 64-bit" : attributes.big() ? ", 32-bit" : ", 16-bit");
            text.append('\n');
        }
        appendTable("gdt ", segments.gdt());
        appendTable("idt ", segments.idt());
    }

    private void appendTable(String name, CpuRegisters.DescriptorTable table) {
        text.append("  ").append(name).append("       base ").append(hex16(table.base()));
        text.append("  limit ").append(hex8(table.limit())).append('\n');
    }

    private void appendCode(PageWalker walker, long linearRip, VcpuExit exit) {
        text.append("  code at rip: ");
        byte[] known = exit.instructionBytes();
        if (known.length > 0) {
            text.append(HexFormat.ofDelimiter(" ").formatHex(known)).append('\n');
            return;
        }
        StringBuilder bytes = new StringBuilder();
        for (int i = 0; i < CODE_BYTES; i++) {
            long gpa = walker.translate(linearRip + i);
            if (gpa == PageWalker.NOT_MAPPED || !memory.contains(gpa, 1)) {
                break;
            }
            bytes.append(i == 0 ? "" : " ").append(HexFormat.of().toHexDigits((byte) memory.readU8(gpa)));
        }
        if (bytes.isEmpty()) {
            long gpa = walker.translate(linearRip);
            bytes.append(gpa == PageWalker.NOT_MAPPED ? "not mapped" : "no RAM at 0x" + Long.toHexString(gpa));
        }
        text.append(bytes).append('\n');
    }

    private void appendStack(PageWalker walker, long linearStack) {
        text.append("  stack at rsp:");
        for (int i = 0; i < STACK_WORDS; i++) {
            long gpa = walker.translate(linearStack + (long) i * Long.BYTES);
            if (gpa == PageWalker.NOT_MAPPED || !memory.contains(gpa, Long.BYTES)) {
                text.append(i == 0 ? " not mapped" : "");
                break;
            }
            text.append(i == STACK_WORDS / 2 ? "\n               " : "").append(' ').append(hex16(memory.readU64(gpa)));
        }
        text.append('\n');
    }

    /** Adds a segment's base as the mode has it: in 64-bit code, only FS and GS have one. */
    private static long linear(CpuRegisters registers, CpuRegisters.Segment segment, long offset) {
        return registers.segments().get("cs").attributes().longMode() && longModeActive(registers)
                ? offset
                : segment.base() + offset;
    }

    private static boolean longModeActive(CpuRegisters registers) {
        return (registers.control().efer() & CpuRegisters.Control.EFER_LMA) != 0;
    }

    private static String mode(CpuRegisters registers) {
        if ((registers.control().cr0() & CpuRegisters.Control.CR0_PE) == 0) {
            return "real";
        }
        if (!longModeActive(registers)) {
            return "protected";
        }
        return registers.segments().get("cs").attributes().longMode() ? "64-bit" : "compatibility";
    }

    private static String pad(String name, int width) {
        return name + " ".repeat(width - name.length());
    }

    private static String hex16(long value) {
        return HexFormat.of().toHexDigits(value);
    }

    private static String hex8(long value) {
        return HexFormat.of().toHexDigits(value, 8);
    }

    private static String hex4(long value) {
        return HexFormat.of().toHexDigits(value, 4);
    }
}

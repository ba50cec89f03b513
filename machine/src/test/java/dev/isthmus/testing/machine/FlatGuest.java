// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Code for a guest in 32-bit protected mode with flat segments, as a PVH kernel is entered: straight-line accesses to memory
 * and ports, and what it expects to see. It ends with a write to the debug-exit port: {@link #PASSED}, or the number of the
 * expectation that was not met, {@link #expectation} tells which that is.
 *
 * <p>Uses EAX and EDX alone, and no stack.
 */
public final class FlatGuest {
    /** What is written to the debug-exit port at the end. */
    public static final int PASSED = 0;

    /** The debug-exit port. */
    public static final int EXIT_PORT = 0xf4;

    /** Where a guest that fails leaves what it saw instead. */
    public static final long SEEN_GPA = 0x500;

    private static final int FAILURE_BYTES = 20;

    private final GuestCode code = new GuestCode();
    private final List<String> expectations = new ArrayList<>();

    /** Makes a guest that does nothing yet. */
    public FlatGuest() {}

    /** Ends the guest; returns its code. */
    public GuestCode pass() {
        exit(PASSED);
        return code;
    }

    /** Returns what an exit value means. */
    public String expectation(int number) {
        return number == PASSED ? "passed" : expectations.get(number - 1);
    }

    /** Writes 32 bits to memory. */
    public FlatGuest store32(long gpa, long value) {
        line("movl $" + hex(value) + ", " + hex(gpa), le(le(bytes(0xc7, 0x05), gpa, 4), value, 4));
        return this;
    }

    /** Writes 16 bits to memory. */
    public FlatGuest store16(long gpa, long value) {
        line("movw $" + hex(value) + ", " + hex(gpa), le(le(bytes(0x66, 0xc7, 0x05), gpa, 4), value, 2));
        return this;
    }

    /** Writes 8 bits to memory. */
    public FlatGuest store8(long gpa, long value) {
        line("movb $" + hex(value) + ", " + hex(gpa), le(le(bytes(0xc6, 0x05), gpa, 4), value, 1));
        return this;
    }

    /** Reads 32 bits of memory into EAX. */
    public FlatGuest load32(long gpa) {
        line("movl   " + hex(gpa) + ", %eax", le(bytes(0xa1), gpa, 4));
        return this;
    }

    /** Reads 16 bits of memory into EAX. */
    public FlatGuest load16(long gpa) {
        line("movzwl " + hex(gpa) + ", %eax", le(bytes(0x0f, 0xb7, 0x05), gpa, 4));
        return this;
    }

    /** Reads 8 bits of memory into EAX. */
    public FlatGuest load8(long gpa) {
        line("movzbl " + hex(gpa) + ", %eax", le(bytes(0x0f, 0xb6, 0x05), gpa, 4));
        return this;
    }

    /** Writes 32 bits to a port. */
    public FlatGuest out32(int port, long value) {
        line("mov  $" + hex(value) + ", %eax", le(bytes(0xb8), value, 4));
        line("mov  $" + hex(port) + ", %dx", le(bytes(0x66, 0xba), port, 2));
        line("out  %eax, %dx", bytes(0xef));
        return this;
    }

    /** Writes 8 bits to a port. */
    public FlatGuest out8(int port, int value) {
        line("mov  $" + hex(value) + ", %al", le(bytes(0xb0), value, 1));
        line("mov  $" + hex(port) + ", %dx", le(bytes(0x66, 0xba), port, 2));
        line("out  %al, %dx", bytes(0xee));
        return this;
    }

    /** Reads 32 bits of a port into EAX. */
    public FlatGuest in32(int port) {
        line("mov  $" + hex(port) + ", %dx", le(bytes(0x66, 0xba), port, 2));
        line("in   %dx, %eax", bytes(0xed));
        return this;
    }

    /** Reads 8 bits of a port into EAX. */
    public FlatGuest in8(int port) {
        line("xor  %eax, %eax", bytes(0x31, 0xc0));
        line("mov  $" + hex(port) + ", %dx", le(bytes(0x66, 0xba), port, 2));
        line("in   %dx, %al", bytes(0xec));
        return this;
    }

    /** Keeps some bits of EAX. */
    public FlatGuest and(long mask) {
        line("and  $" + hex(mask) + ", %eax", le(bytes(0x25), mask, 4));
        return this;
    }

    /**
     * Ends the guest with a failure unless EAX is this.
     *
     * @param what what it means that it is, for the test's message
     */
    public FlatGuest expect(String what, long value) {
        expectations.add(what);
        line("cmp  $" + hex(value) + ", %eax", le(bytes(0x3d), value, 4));
        line("je   over", bytes(0x74, FAILURE_BYTES));
        int before = code.bytes().length;
        line("mov  %eax, 0x500", le(bytes(0xa3), SEEN_GPA, 4));
        exit(expectations.size());
        if (code.bytes().length - before != FAILURE_BYTES) {
            throw new IllegalStateException("The failure is not as long as the jump over it");
        }
        return this;
    }

    /** Waits until bits of memory are set. */
    public FlatGuest awaitSet32(long gpa, long mask) {
        line("testl $" + hex(mask) + ", " + hex(gpa), le(le(bytes(0xf7, 0x05), gpa, 4), mask, 4));
        line("jz   again", bytes(0x74, 0xf4));
        return this;
    }

    /** Waits until one of some bits of a port is set. */
    public FlatGuest awaitSetIn8(int port, int mask) {
        line("mov  $" + hex(port) + ", %dx", le(bytes(0x66, 0xba), port, 2));
        line("in   %dx, %al", bytes(0xec));
        line("test $" + hex(mask) + ", %al", le(bytes(0xa8), mask, 1));
        line("jz   again", bytes(0x74, 0xfb));
        return this;
    }

    /** Waits until 16 bits of memory have a value. */
    public FlatGuest await16(long gpa, int value) {
        line("cmpw $" + hex(value) + ", " + hex(gpa), le(le(bytes(0x66, 0x81, 0x3d), gpa, 4), value, 2));
        line("jne  again", bytes(0x75, 0xf5));
        return this;
    }

    private void exit(int value) {
        line("mov  $" + value + ", %eax", le(bytes(0xb8), value, 4));
        line("mov  $0xf4, %edx", le(bytes(0xba), EXIT_PORT, 4));
        line("out  %eax, %dx", bytes(0xef));
        line("cli", bytes(0xfa));
        line("hlt", bytes(0xf4));
        line("jmp  hlt", bytes(0xeb, 0xfd));
    }

    private void line(String mnemonic, int[] bytes) {
        code.line(mnemonic, bytes);
    }

    private static int[] bytes(int... bytes) {
        return bytes;
    }

    /** Appends a little-endian number. */
    private static int[] le(int[] bytes, long value, int sizeBytes) {
        int[] longer = Arrays.copyOf(bytes, bytes.length + sizeBytes);
        for (int i = 0; i < sizeBytes; i++) {
            longer[bytes.length + i] = (int) (value >>> (Byte.SIZE * i)) & 0xff;
        }
        return longer;
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}

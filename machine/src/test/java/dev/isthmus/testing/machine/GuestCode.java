// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.io.ByteArrayOutputStream;

/**
 * Hand-assembled guest code: one instruction a line, its mnemonic and its bytes.
 *
 * <pre>
 * new GuestCode()
 *         .line("mov  $0x2a, %al", 0xb0, 0x2a)
 *         .line("out  %al, $0xf4", 0xe6, 0xf4)
 * </pre>
 */
public final class GuestCode {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /**
     * Appends an instruction.
     *
     * @param mnemonic for the reader alone
     * @param code its bytes, each 0 to 0xff
     */
    public GuestCode line(String mnemonic, int... code) {
        for (int value : code) {
            if (value < 0 || value > 0xff) {
                throw new IllegalArgumentException(mnemonic + ": no byte: " + value);
            }
            bytes.write(value);
        }
        return this;
    }

    /**
     * Appends an instruction that ends in a 32-bit little-endian operand.
     *
     * @param mnemonic for the reader alone
     * @param operand the last four bytes
     * @param code the bytes before
     */
    public GuestCode line32(String mnemonic, long operand, int... code) {
        line(mnemonic, code);
        for (int shift = 0; shift < 32; shift += 8) {
            bytes.write((int) (operand >>> shift));
        }
        return this;
    }

    /** Appends zeroes up to an offset, where another piece of code begins. */
    public GuestCode padTo(int offset) {
        if (bytes.size() > offset) {
            throw new IllegalArgumentException("The code has reached " + bytes.size() + " already");
        }
        while (bytes.size() < offset) {
            bytes.write(0);
        }
        return this;
    }

    /** Returns the bytes so far. */
    public byte[] bytes() {
        return bytes.toByteArray();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.util.Arrays;

/**
 * Encodes ACPI Machine Language (ACPI 6.5, chapter 20). Terms are appended in the order of the grammar: an operator,
 * then its operands. What the grammar gives a {@code PkgLength} begins with a {@code begin…} call and ends with
 * {@link #end()}, which works out the length.
 *
 * <p>Names are written as in ASL: {@code \_SB.PWRB}, {@code ^ESEL}, {@code C000}; segments are padded with underscores.
 * A name that is none is a bug of the caller, {@link IllegalArgumentException}. Not thread-safe.
 */
final class AmlBuilder {
    // Operation codes, section 20.3. Those behind EXT_OP_PREFIX are two bytes long.

    private static final int ZERO_OP = 0x00;
    private static final int ONE_OP = 0x01;
    private static final int NAME_OP = 0x08;
    private static final int BYTE_PREFIX = 0x0a;
    private static final int WORD_PREFIX = 0x0b;
    private static final int DWORD_PREFIX = 0x0c;
    private static final int STRING_PREFIX = 0x0d;
    private static final int QWORD_PREFIX = 0x0e;
    private static final int SCOPE_OP = 0x10;
    private static final int BUFFER_OP = 0x11;
    private static final int PACKAGE_OP = 0x12;
    private static final int METHOD_OP = 0x14;
    private static final int DUAL_NAME_PREFIX = 0x2e;
    private static final int MULTI_NAME_PREFIX = 0x2f;
    private static final int EXT_OP_PREFIX = 0x5b;
    private static final int LOCAL0_OP = 0x60;
    private static final int ARG0_OP = 0x68;
    private static final int STORE_OP = 0x70;
    private static final int AND_OP = 0x7b;
    private static final int OR_OP = 0x7d;
    private static final int NOTIFY_OP = 0x86;
    private static final int CREATE_DWORD_FIELD_OP = 0x8a;
    private static final int LNOT_OP = 0x92;
    private static final int LEQUAL_OP = 0x93;
    private static final int IF_OP = 0xa0;
    private static final int ELSE_OP = 0xa1;
    private static final int RETURN_OP = 0xa4;
    private static final int ONES_OP = 0xff;

    private static final int EXT_OP_REGION_OP = 0x80;
    private static final int EXT_FIELD_OP = 0x81;
    private static final int EXT_DEVICE_OP = 0x82;

    /** {@code RegionSpace} of an operation region: ports. */
    static final int REGION_SPACE_SYSTEM_IO = 1;

    /** Field flags: accesses of 32 bits, no lock, bits that are not named written as zeros. */
    static final int FIELD_DWORD_ACC_NO_LOCK_WRITE_AS_ZEROS = 3 | 2 << 5;

    private static final int NAME_SEGMENT_LENGTH = 4;
    private static final int MAX_PKG_LENGTH = (1 << 28) - 1;

    private final ByteSink bytes;

    /** Where the lengths of the open packages belong, innermost last. */
    private int[] openAt = new int[8];

    private int openCount;

    AmlBuilder(int expectedLengthBytes) {
        this(new ByteSink(expectedLengthBytes));
    }

    /** Appends to what a sink holds already: the header of a definition block. */
    AmlBuilder(ByteSink bytes) {
        this.bytes = bytes;
    }

    // Named objects and name space modifiers, section 20.2.5.

    AmlBuilder beginScope(String name) {
        bytes.u8(SCOPE_OP);
        open();
        return path(name);
    }

    AmlBuilder beginDevice(String name) {
        bytes.u8(EXT_OP_PREFIX).u8(EXT_DEVICE_OP);
        open();
        return path(name);
    }

    /** Begins a method with 0 to 7 arguments. One that creates names must be serialized. */
    AmlBuilder beginMethod(String name, int argCount, boolean serialized) {
        if (argCount < 0 || argCount > 7) {
            throw new IllegalArgumentException("A method has up to 7 arguments");
        }
        bytes.u8(METHOD_OP);
        open();
        path(name);
        bytes.u8(argCount | (serialized ? 1 << 3 : 0));
        return this;
    }

    /** Names the data object that follows. */
    AmlBuilder name(String name) {
        bytes.u8(NAME_OP);
        return path(name);
    }

    AmlBuilder operationRegion(String name, int regionSpace, long offset, long lengthBytes) {
        bytes.u8(EXT_OP_PREFIX).u8(EXT_OP_REGION_OP);
        path(name);
        bytes.u8(regionSpace);
        return integer(offset).integer(lengthBytes);
    }

    /** Begins the fields of a region, {@link #fieldUnit}s. */
    AmlBuilder beginField(String region, int fieldFlags) {
        bytes.u8(EXT_OP_PREFIX).u8(EXT_FIELD_OP);
        open();
        path(region);
        bytes.u8(fieldFlags);
        return this;
    }

    /** Names the next bits of a field. */
    AmlBuilder fieldUnit(String name, int lengthBits) {
        segment(name);
        pkgLength(bytes.length(), lengthBits);
        return this;
    }

    /** Names four bytes of a buffer: buffer, index of the first, and the name follow. */
    AmlBuilder createDWordField() {
        bytes.u8(CREATE_DWORD_FIELD_OP);
        return this;
    }

    // Data objects, section 20.2.3.

    /** An integer, 64 bits, unsigned, in its shortest form. */
    AmlBuilder integer(long value) {
        if (value == 0) {
            bytes.u8(ZERO_OP);
        } else if (value == 1) {
            bytes.u8(ONE_OP);
        } else if (value == -1) {
            bytes.u8(ONES_OP);
        } else if (value >>> 8 == 0) {
            bytes.u8(BYTE_PREFIX).u8((int) value);
        } else if (value >>> 16 == 0) {
            bytes.u8(WORD_PREFIX).u16((int) value);
        } else if (value >>> 32 == 0) {
            bytes.u8(DWORD_PREFIX).u32(value);
        } else {
            bytes.u8(QWORD_PREFIX).u64(value);
        }
        return this;
    }

    AmlBuilder string(String ascii) {
        bytes.u8(STRING_PREFIX).ascii(ascii).u8(0);
        return this;
    }

    /**
     * A compressed plug and play id (section 19.3.4, {@code EISAID}): three letters and four hexadecimal digits become
     * an integer of 32 bits, {@code PNP0501} becomes 0x0105d041.
     */
    AmlBuilder eisaId(String id) {
        if (id.length() != 7) {
            throw new IllegalArgumentException("Not an EISA id");
        }
        int letters = 0;
        for (int i = 0; i < 3; i++) {
            char c = id.charAt(i);
            if (c < 'A' || c > 'Z') {
                throw new IllegalArgumentException("Not an EISA id");
            }
            letters = letters << 5 | (c - '@');
        }
        // Big-endian in memory: the first two bytes are the letters, five bits each, and a zero above them.
        int number = Integer.parseInt(id, 3, 7, 16);
        bytes.u8(DWORD_PREFIX).u8(letters >>> 8).u8(letters).u8(number >>> 8).u8(number);
        return this;
    }

    AmlBuilder buffer(byte[] content) {
        bytes.u8(BUFFER_OP);
        open();
        integer(content.length);
        bytes.append(content);
        return end();
    }

    /** Begins a package of up to 255 elements, which follow. */
    AmlBuilder beginPackage(int elements) {
        if (elements < 0 || elements > 0xff) {
            throw new IllegalArgumentException("Too many elements");
        }
        bytes.u8(PACKAGE_OP);
        open();
        bytes.u8(elements);
        return this;
    }

    // Statements and expressions, section 20.2.5.3 and 20.2.5.4.

    /** Begins a block that runs if the expression that follows first is not 0. */
    AmlBuilder beginIf() {
        bytes.u8(IF_OP);
        open();
        return this;
    }

    /** Begins the alternative of a block that {@link #beginIf} began and {@link #end} ended. */
    AmlBuilder beginElse() {
        bytes.u8(ELSE_OP);
        open();
        return this;
    }

    /** Returns the object that follows from a method. */
    AmlBuilder returnOp() {
        bytes.u8(RETURN_OP);
        return this;
    }

    /** Notifies a device. */
    AmlBuilder notifyOp(String device, int value) {
        bytes.u8(NOTIFY_OP);
        return path(device).integer(value);
    }

    /** The bitwise and of two operands; a target follows them, or {@link #nullName}. */
    AmlBuilder and() {
        bytes.u8(AND_OP);
        return this;
    }

    /** The bitwise or of two operands; a target follows them, or {@link #nullName}. */
    AmlBuilder or() {
        bytes.u8(OR_OP);
        return this;
    }

    /** The logical negation of the operand that follows. */
    AmlBuilder lNot() {
        bytes.u8(LNOT_OP);
        return this;
    }

    /** Compares two operands, which follow. */
    AmlBuilder lEqual() {
        bytes.u8(LEQUAL_OP);
        return this;
    }

    /** Stores the operand that follows in the target behind it. */
    AmlBuilder store() {
        bytes.u8(STORE_OP);
        return this;
    }

    AmlBuilder local(int index) {
        if (index < 0 || index > 7) {
            throw new IllegalArgumentException("There are 8 locals");
        }
        bytes.u8(LOCAL0_OP + index);
        return this;
    }

    AmlBuilder arg(int index) {
        if (index < 0 || index > 6) {
            throw new IllegalArgumentException("There are 7 arguments");
        }
        bytes.u8(ARG0_OP + index);
        return this;
    }

    /** No target: the result goes only where the expression stands. */
    AmlBuilder nullName() {
        bytes.u8(ZERO_OP);
        return this;
    }

    // Names, section 20.2.2.

    /** Refers to an object by its name, or gives the name of an object that an operator defines. */
    AmlBuilder path(String name) {
        int at = 0;
        if (name.startsWith("\\")) {
            bytes.u8('\\');
            at = 1;
        } else {
            while (at < name.length() && name.charAt(at) == '^') {
                bytes.u8('^');
                at++;
            }
        }
        int segments = 1;
        for (int i = at; i < name.length(); i++) {
            if (name.charAt(i) == '.') {
                segments++;
            }
        }
        if (at == name.length()) {
            return nullName(); // the root itself, or a parent
        }
        if (segments == 2) {
            bytes.u8(DUAL_NAME_PREFIX);
        } else if (segments > 2) {
            if (segments > 0xff) {
                throw new IllegalArgumentException("Name too long");
            }
            bytes.u8(MULTI_NAME_PREFIX).u8(segments);
        }
        for (int i = 0; i < segments; i++) {
            int dot = name.indexOf('.', at);
            int segmentEnd = dot < 0 ? name.length() : dot;
            segment(name.substring(at, segmentEnd));
            at = segmentEnd + 1;
        }
        return this;
    }

    private void segment(String name) {
        if (name.isEmpty() || name.length() > NAME_SEGMENT_LENGTH) {
            throw new IllegalArgumentException("A name segment has 1 to 4 characters");
        }
        for (int i = 0; i < NAME_SEGMENT_LENGTH; i++) {
            char c = i < name.length() ? name.charAt(i) : '_';
            boolean lead = c == '_' || (c >= 'A' && c <= 'Z');
            if (!lead && (i == 0 || c < '0' || c > '9')) {
                throw new IllegalArgumentException("A name segment has capitals, underscores and digits");
            }
            bytes.u8(c);
        }
    }

    // Package lengths, section 20.2.4.

    private void open() {
        if (openCount == openAt.length) {
            openAt = Arrays.copyOf(openAt, openCount * 2);
        }
        openAt[openCount++] = bytes.length();
    }

    /** Ends what the last {@code begin…} call that is still open began. */
    AmlBuilder end() {
        if (openCount == 0) {
            throw new IllegalStateException("Nothing is open");
        }
        int at = openAt[--openCount];
        int contentLength = bytes.length() - at;
        // The length counts its own bytes.
        int encodedLength = 1;
        while (encodedLength < 4 && contentLength + encodedLength > maxPkgLength(encodedLength)) {
            encodedLength++;
        }
        pkgLength(at, contentLength + encodedLength);
        return this;
    }

    private static int maxPkgLength(int encodedLength) {
        return encodedLength == 1 ? 0x3f : (1 << (4 + 8 * (encodedLength - 1))) - 1;
    }

    /**
     * Inserts a length: up to 63 in one byte; else bits 0 to 3 in the first, whose bits 6 and 7 say how many follow,
     * with 8 bits each.
     */
    private void pkgLength(int at, int value) {
        if (value < 0 || value > MAX_PKG_LENGTH) {
            throw new IllegalArgumentException("Package too long");
        }
        int follow = 0;
        while (value > maxPkgLength(follow + 1)) {
            follow++;
        }
        bytes.insert(at, 1 + follow);
        if (follow == 0) {
            bytes.set8(at, value);
            return;
        }
        bytes.set8(at, follow << 6 | (value & 0xf));
        for (int i = 0; i < follow; i++) {
            bytes.set8(at + 1 + i, value >>> (4 + 8 * i));
        }
    }

    /**
     * Returns what was built.
     *
     * @throws IllegalStateException if something is still open
     */
    byte[] toByteArray() {
        return finish().toByteArray();
    }

    /** Returns the sink that was built in. */
    ByteSink finish() {
        if (openCount != 0) {
            throw new IllegalStateException("Something is still open");
        }
        return bytes;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

/**
 * The resources of a device, as {@code _CRS} returns them (ACPI 6.5, section 6.4). Not thread-safe.
 */
final class ResourceTemplate {
    // Small items carry their length in the low 3 bits (section 6.4.2), large items in the two bytes that follow (6.4.3).

    private static final int IRQ_NO_FLAGS = 0x22;
    private static final int IO_PORT = 0x47;
    private static final int END_TAG = 0x79;
    private static final int MEMORY_32_FIXED = 0x86;
    private static final int DWORD_ADDRESS_SPACE = 0x87;
    private static final int WORD_ADDRESS_SPACE = 0x88;
    private static final int EXTENDED_INTERRUPT = 0x89;
    private static final int QWORD_ADDRESS_SPACE = 0x8a;

    private static final int SPACE_MEMORY = 0;
    private static final int SPACE_BUS = 2;

    /** A bridge passes the range on, decodes it, and it stays where it is (table 6.42). */
    private static final int PRODUCER_POSITIVE_FIXED = 1 << 2 | 1 << 3;

    private static final int IO_DECODE_16 = 1;
    private static final int MEMORY_READ_WRITE = 1;

    /** Extended interrupt flags: the device consumes it; edge-triggered, active high, not shared. */
    private static final int INTERRUPT_CONSUMER_EDGE_HIGH_EXCLUSIVE = 1 | 1 << 1;

    private final ByteSink bytes = new ByteSink(64);

    /** A fixed range of ports, decoded with 16 bits (section 6.4.2.5). */
    ResourceTemplate io(int port, int lengthPorts) {
        bytes.u8(IO_PORT).u8(IO_DECODE_16).u16(port).u16(port).u8(1).u8(lengthPorts);
        return this;
    }

    /** An ISA interrupt, 0 to 15: edge-triggered, active high, not shared (section 6.4.2.1). */
    ResourceTemplate irqNoFlags(int irq) {
        if (irq < 0 || irq > 15) {
            throw new IllegalArgumentException("Not an ISA interrupt");
        }
        bytes.u8(IRQ_NO_FLAGS).u16(1 << irq);
        return this;
    }

    /** A fixed range of memory below 4 GiB, readable and writable (section 6.4.3.4). */
    ResourceTemplate memory32Fixed(long gpa, long lengthBytes) {
        bytes.u8(MEMORY_32_FIXED).u16(9).u8(MEMORY_READ_WRITE).u32(gpa).u32(lengthBytes);
        return this;
    }

    /** The bus numbers behind a bridge (section 6.4.3.5.3). */
    ResourceTemplate busNumbers(int first, int last) {
        bytes.u8(WORD_ADDRESS_SPACE).u16(13).u8(SPACE_BUS).u8(PRODUCER_POSITIVE_FIXED).u8(0);
        bytes.u16(0).u16(first).u16(last).u16(0).u16(last - first + 1);
        return this;
    }

    /** A range of memory below 4 GiB that a bridge passes on, not cached (section 6.4.3.5.2). */
    ResourceTemplate memory32Window(long gpa, long lengthBytes) {
        bytes.u8(DWORD_ADDRESS_SPACE).u16(23).u8(SPACE_MEMORY).u8(PRODUCER_POSITIVE_FIXED).u8(MEMORY_READ_WRITE);
        bytes.u32(0).u32(gpa).u32(gpa + lengthBytes - 1).u32(0).u32(lengthBytes);
        return this;
    }

    /** A range of memory that a bridge passes on, not cached (section 6.4.3.5.1). */
    ResourceTemplate memory64Window(long gpa, long lengthBytes) {
        bytes.u8(QWORD_ADDRESS_SPACE).u16(43).u8(SPACE_MEMORY).u8(PRODUCER_POSITIVE_FIXED).u8(MEMORY_READ_WRITE);
        bytes.u64(0).u64(gpa).u64(gpa + lengthBytes - 1).u64(0).u64(lengthBytes);
        return this;
    }

    /** A global system interrupt: edge-triggered, active high, not shared (section 6.4.3.6). */
    ResourceTemplate interrupt(int gsi) {
        bytes.u8(EXTENDED_INTERRUPT).u16(6).u8(INTERRUPT_CONSUMER_EDGE_HIGH_EXCLUSIVE).u8(1).u32(gsi);
        return this;
    }

    /** Ends the template; its checksum of 0 says that there is none (section 6.4.2.9). */
    byte[] finish() {
        return bytes.u8(END_TAG).u8(0).toByteArray();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.nio.charset.StandardCharsets;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

/** Finds the tables in guest memory as a guest does: from the RSDP on, trusting only what checksums cover. */
final class PublishedTables {
    private final GuestMemory memory = FakeGuestMemory.ofBytes(MachineLayout.HIGH_MEMORY_GPA);
    private final byte[] xsdt;

    PublishedTables(PlatformDescription platform) {
        AcpiTables.write(memory, platform);
        xsdt = table(memory.readU64(MachineLayout.ACPI_RSDP_GPA + 24));
    }

    byte[] rsdp() {
        return bytes(MachineLayout.ACPI_RSDP_GPA, 36);
    }

    byte[] xsdt() {
        return xsdt;
    }

    /** Returns the table with a signature that the XSDT leads to. */
    byte[] find(String signature) {
        for (int offset = 36; offset < xsdt.length; offset += 8) {
            byte[] table = table(u64(xsdt, offset));
            if (signature(table).equals(signature)) {
                return table;
            }
        }
        throw new AssertionError("No " + signature);
    }

    /** Returns the DSDT, by the FADT's 64-bit pointer. */
    byte[] dsdt() {
        return table(u64(find("FACP"), 140));
    }

    private byte[] table(long gpa) {
        return bytes(gpa, (int) memory.readU32(gpa + 4));
    }

    private byte[] bytes(long gpa, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        memory.read(gpa, bytes, 0, lengthBytes);
        return bytes;
    }

    static String signature(byte[] table) {
        return new String(table, 0, 4, StandardCharsets.US_ASCII);
    }

    static int u8(byte[] table, int offset) {
        return table[offset] & 0xff;
    }

    static int u16(byte[] table, int offset) {
        return u8(table, offset) | u8(table, offset + 1) << 8;
    }

    static long u32(byte[] table, int offset) {
        return u16(table, offset) | (long) u16(table, offset + 2) << 16;
    }

    static long u64(byte[] table, int offset) {
        return u32(table, offset) | u32(table, offset + 4) << 32;
    }

    static int sum(byte[] table, int lengthBytes) {
        int sum = 0;
        for (int i = 0; i < lengthBytes; i++) {
            sum += table[i];
        }
        return sum & 0xff;
    }
}

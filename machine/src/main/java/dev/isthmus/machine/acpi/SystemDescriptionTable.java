// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

/**
 * A table under the header that all system description tables share (ACPI 6.5, section 5.2.6).
 *
 * <pre>
 *  0 signature       4 length         8 revision        9 checksum
 * 10 OEM ID (6)     16 OEM table ID (8)                24 OEM revision
 * 28 creator ID     32 creator revision                36 the table's own fields
 * </pre>
 */
final class SystemDescriptionTable {
    static final int HEADER_LENGTH_BYTES = 36;
    static final String OEM_ID = "ISTHMU";

    private static final String OEM_TABLE_ID = "MACHINE ";
    private static final String CREATOR_ID = "ISTH";
    private static final int LENGTH_OFFSET = 4;
    private static final int CHECKSUM_OFFSET = 9;

    private SystemDescriptionTable() {}

    /** Starts a table: the header, its length and checksum still open. */
    static ByteSink begin(String signature, int revision, int expectedLengthBytes) {
        return new ByteSink(expectedLengthBytes)
                .ascii(signature)
                .u32(0)
                .u8(revision)
                .u8(0)
                .ascii(OEM_ID)
                .ascii(OEM_TABLE_ID)
                .u32(1)
                .ascii(CREATOR_ID)
                .u32(1);
    }

    /** Fills in length and checksum: all bytes of a table add up to 0. */
    static byte[] finish(ByteSink table) {
        table.set32(LENGTH_OFFSET, table.length());
        table.set8(CHECKSUM_OFFSET, -table.sum(0, table.length()));
        return table.toByteArray();
    }
}

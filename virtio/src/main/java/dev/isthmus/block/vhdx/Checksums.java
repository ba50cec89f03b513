// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

import dev.isthmus.block.mapped.FileBytes;

/** CRC-32C of structures that contain their own checksum, which counts as zero in it (MS-VHDX 2). */
final class Checksums {
    /** Where every structure with a checksum has it: behind its signature. */
    static final int CHECKSUM_OFFSET = 4;

    private static final byte[] NO_CHECKSUM = new byte[Integer.BYTES];

    private Checksums() {}

    /** Tells whether a structure's checksum is that of its bytes. */
    static boolean valid(FileBytes structure) {
        CRC32C crc = begin(structure.segment());
        addRest(crc, structure.segment());
        return crc.getValue() == structure.u32(CHECKSUM_OFFSET);
    }

    /** Starts with the signature and the checksum as zero. */
    static CRC32C begin(MemorySegment structure) {
        CRC32C crc = new CRC32C();
        crc.update(structure.asSlice(0, CHECKSUM_OFFSET).asByteBuffer());
        crc.update(NO_CHECKSUM);
        return crc;
    }

    /** Goes on with what is behind the checksum. */
    static void addRest(CRC32C crc, MemorySegment structure) {
        crc.update(structure.asSlice(CHECKSUM_OFFSET + Integer.BYTES).asByteBuffer());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.Arena;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * The current one of a file's two headers (MS-VHDX 2.2.2): the one that is valid and has the higher sequence number.
 *
 * @param sequenceNumber of this version of the header, unsigned
 * @param logGuid what the entries of the log carry, or zero where there is none to replay
 * @param logVersion the version of the log's format
 * @param version the version of the file's format
 * @param logLengthBytes the size of the log
 * @param logOffsetBytes where in the file it is, unsigned
 */
record VhdxHeader(
        long sequenceNumber, Guid logGuid, int logVersion, int version, long logLengthBytes, long logOffsetBytes) {
    static final String FORMAT = "VHDX";

    /** "vhdxfile" (2.2.1). */
    static final long FILE_SIGNATURE = 0x656c696678646876L;

    /** "head". */
    static final long HEADER_SIGNATURE = 0x64616568L;

    static final int HEADER_1_OFFSET = 64 << 10;
    static final int HEADER_2_OFFSET = 128 << 10;
    static final int HEADER_BYTES = 4096;
    static final int SEQUENCE_NUMBER_OFFSET = 8;
    static final int LOG_GUID_OFFSET = 48;
    static final int LOG_VERSION_OFFSET = 64;
    static final int VERSION_OFFSET = 66;
    static final int LOG_LENGTH_OFFSET = 68;
    static final int LOG_OFFSET_OFFSET = 72;

    /** What all structures are aligned to, and the size of the section that the headers are in (2.1). */
    static final long ALIGNMENT_BYTES = 1 << 20;

    /** The version that the specification calls 2. */
    private static final int VERSION_2 = 1;

    /**
     * Tells whether a file has the signature.
     *
     * @throws ImageException if the host can't read it
     */
    static boolean hasSignature(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            return FileBytes.read(file, 0, Long.BYTES, arena).u64(0) == FILE_SIGNATURE;
        }
    }

    /**
     * Reads the headers and chooses the current one.
     *
     * @throws ImageException if this is no image that can be read
     */
    static VhdxHeader read(ImageFile file) {
        if (!hasSignature(file)) {
            throw ImageErrors.otherFormat(FORMAT, file);
        }
        try (Arena arena = Arena.ofConfined()) {
            VhdxHeader first = valid(FileBytes.read(file, HEADER_1_OFFSET, HEADER_BYTES, arena));
            VhdxHeader second = valid(FileBytes.read(file, HEADER_2_OFFSET, HEADER_BYTES, arena));
            VhdxHeader current = current(file, first, second);
            current.check(file);
            return current;
        }
    }

    private static @Nullable VhdxHeader valid(FileBytes bytes) {
        if (bytes.u32(0) != HEADER_SIGNATURE || !Checksums.valid(bytes)) {
            return null;
        }
        return new VhdxHeader(
                bytes.u64(SEQUENCE_NUMBER_OFFSET),
                Guid.at(bytes, LOG_GUID_OFFSET),
                bytes.u16(LOG_VERSION_OFFSET),
                bytes.u16(VERSION_OFFSET),
                bytes.u32(LOG_LENGTH_OFFSET),
                bytes.u64(LOG_OFFSET_OFFSET));
    }

    private static VhdxHeader current(ImageFile file, @Nullable VhdxHeader first, @Nullable VhdxHeader second) {
        if (first == null || second == null) {
            VhdxHeader only = first == null ? second : first;
            if (only == null) {
                throw ImageErrors.damaged(FORMAT, file, "neither of its headers is valid");
            }
            return only;
        }
        int order = Long.compareUnsigned(first.sequenceNumber, second.sequenceNumber);
        // By the specification there is no current header then; but Microsoft's Disk2vhd writes the same one twice.
        if (order == 0 && !first.equals(second)) {
            throw ImageErrors.damaged(FORMAT, file, "its headers differ and have the same sequence number");
        }
        return order >= 0 ? first : second;
    }

    private void check(ImageFile file) {
        if (version != VERSION_2) {
            throw ImageErrors.unsupported(
                    FORMAT, file, "has version " + version, "Convert it with Hyper-V (Convert-VHD).");
        }
        if (logOffsetBytes < 0
                || logOffsetBytes % ALIGNMENT_BYTES != 0
                || logLengthBytes % ALIGNMENT_BYTES != 0
                || (logLengthBytes != 0 && logOffsetBytes < ALIGNMENT_BYTES)
                || logOffsetBytes > Long.MAX_VALUE - logLengthBytes) {
            throw ImageErrors.damaged(
                    FORMAT,
                    file,
                    "its log is at byte " + Long.toUnsignedString(logOffsetBytes) + " and has " + logLengthBytes
                            + " bytes");
        }
    }

    /** Tells whether the log must be replayed. */
    boolean hasLog() {
        return !logGuid.equals(Guid.ZERO);
    }
}

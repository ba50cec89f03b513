// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

/**
 * A valid entry of the log (MS-VHDX 2.3.1). Positions are in sectors of 4 KiB from the start of the log, which is a
 * ring: an entry may go on at its start.
 *
 * <p>Ordered by sequence number, the newest first.
 *
 * @param startSector where it begins
 * @param sectors its length
 * @param sequenceNumber one more than that of the entry before it, unsigned
 * @param tailSector where the oldest entry began that was still needed when this one was written
 * @param descriptors how many changes it makes
 * @param flushedFileBytes a size that the file has had for certain
 * @param lastFileBytes a size that all structures of the file fit into
 */
record LogEntry(
        int startSector,
        int sectors,
        long sequenceNumber,
        int tailSector,
        int descriptors,
        long flushedFileBytes,
        long lastFileBytes)
        implements Comparable<LogEntry> {
    /** "loge". */
    static final long LOG_ENTRY_SIGNATURE = 0x65676f6cL;

    /** "zero". */
    static final long ZERO_SIGNATURE = 0x6f72657aL;

    /** "desc". */
    static final long DATA_DESCRIPTOR_SIGNATURE = 0x63736564L;

    /** "data". */
    static final long DATA_SECTOR_SIGNATURE = 0x61746164L;

    static final int SECTOR_BYTES = 4096;
    static final int HEADER_BYTES = 64;
    static final int ENTRY_LENGTH_OFFSET = 8;
    static final int TAIL_OFFSET = 12;
    static final int SEQUENCE_NUMBER_OFFSET = 16;
    static final int DESCRIPTOR_COUNT_OFFSET = 24;
    static final int LOG_GUID_OFFSET = 32;
    static final int FLUSHED_FILE_OFFSET_OFFSET = 48;
    static final int LAST_FILE_OFFSET_OFFSET = 56;

    static final int DESCRIPTOR_BYTES = 32;
    static final int DESCRIPTOR_TRAILING_BYTES_OFFSET = 4;

    /** Of a data descriptor; of a zero descriptor, the length is here. */
    static final int DESCRIPTOR_LEADING_BYTES_OFFSET = 8;

    static final int DESCRIPTOR_FILE_OFFSET_OFFSET = 16;
    static final int DESCRIPTOR_SEQUENCE_NUMBER_OFFSET = 24;

    /** How much of a data sector's start is in its descriptor. */
    static final int LEADING_BYTES = 8;

    /** How much of a data sector's end is in its descriptor. */
    static final int TRAILING_BYTES = 4;

    static final int DATA_SEQUENCE_HIGH_OFFSET = 4;
    static final int DATA_SEQUENCE_LOW_OFFSET = SECTOR_BYTES - TRAILING_BYTES;

    /** Returns how many sectors the header and so many descriptors take. */
    static long descriptorSectors(long descriptors) {
        return (HEADER_BYTES + descriptors * DESCRIPTOR_BYTES + SECTOR_BYTES - 1) / SECTOR_BYTES;
    }

    @Override
    public int compareTo(LogEntry other) {
        int newestFirst = Long.compareUnsigned(other.sequenceNumber, sequenceNumber);
        return newestFirst != 0 ? newestFirst : Integer.compare(startSector, other.startSector);
    }
}

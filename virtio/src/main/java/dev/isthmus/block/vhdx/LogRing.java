// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * A file's log as it was read, once, and its valid entries (MS-VHDX 2.3.1).
 *
 * <p>Confined to the thread that opens the image.
 */
final class LogRing {
    /**
     * The longest log that is replayed: all of it is read into memory. Hyper-V and QEMU make logs of 1 MiB.
     */
    static final long MAX_BYTES = 64 << 20;

    /**
     * How often all of the log may be checksummed in search of its entries. Old entries that are written over in part
     * make it somewhat more than once; only a log made for it has entries within entries.
     */
    private static final int CHECKSUM_PASSES = 8;

    private final ImageFile file;
    private final VhdxHeader header;
    private final FileBytes bytes;
    private final int sectors;
    private long checksumBudgetBytes;

    private LogRing(ImageFile file, VhdxHeader header, FileBytes bytes) {
        this.file = file;
        this.header = header;
        this.bytes = bytes;
        this.sectors = (int) (bytes.lengthBytes() / LogEntry.SECTOR_BYTES);
        this.checksumBudgetBytes = bytes.lengthBytes() * CHECKSUM_PASSES;
    }

    /**
     * Reads the log.
     *
     * @param file the file, unchanged
     * @param header its header, with a log
     * @param arena owns what is read
     * @throws ImageException if it is in no place or of no format to be replayed
     */
    static LogRing read(ImageFile file, VhdxHeader header, Arena arena) {
        if (header.logVersion() != 0) {
            throw ImageErrors.unsupported(
                    VhdxHeader.FORMAT,
                    file,
                    "was not closed, and its log has version " + header.logVersion(),
                    VhdxLog.REPLAY_ELSEWHERE);
        }
        if (header.logLengthBytes() == 0 || header.logOffsetBytes() + header.logLengthBytes() > file.sizeBytes()) {
            throw ImageErrors.damaged(
                    VhdxHeader.FORMAT, file, "it was not closed, and its log is not within the file");
        }
        if (header.logLengthBytes() > MAX_BYTES) {
            throw ImageErrors.unsupported(
                    VhdxHeader.FORMAT,
                    file,
                    "was not closed, and its log of " + header.logLengthBytes() + " bytes is too long",
                    VhdxLog.REPLAY_ELSEWHERE);
        }
        return new LogRing(
                file, header, FileBytes.read(file, header.logOffsetBytes(), header.logLengthBytes(), arena));
    }

    /** Returns the number of sectors of the log. */
    int sectors() {
        return sectors;
    }

    /**
     * Finds all valid entries, wherever they begin.
     *
     * @throws ImageException if that would take too long
     */
    List<LogEntry> entries() {
        List<LogEntry> entries = new ArrayList<>();
        for (int sector = 0; sector < sectors; sector++) {
            LogEntry entry = entryAt(sector);
            if (entry != null) {
                entries.add(entry);
            }
        }
        return entries;
    }

    private @Nullable LogEntry entryAt(int start) {
        long at = (long) start * LogEntry.SECTOR_BYTES;
        if (bytes.u32(at) != LogEntry.LOG_ENTRY_SIGNATURE
                || !Guid.at(bytes, at + LogEntry.LOG_GUID_OFFSET).equals(header.logGuid())) {
            return null;
        }
        long lengthBytes = bytes.u32(at + LogEntry.ENTRY_LENGTH_OFFSET);
        long tail = bytes.u32(at + LogEntry.TAIL_OFFSET);
        long sequenceNumber = bytes.u64(at + LogEntry.SEQUENCE_NUMBER_OFFSET);
        long descriptors = bytes.u32(at + LogEntry.DESCRIPTOR_COUNT_OFFSET);
        long lastFileBytes = bytes.u64(at + LogEntry.LAST_FILE_OFFSET_OFFSET);
        if (lengthBytes == 0
                || lengthBytes % LogEntry.SECTOR_BYTES != 0
                || lengthBytes > bytes.lengthBytes()
                || tail % LogEntry.SECTOR_BYTES != 0
                || tail >= bytes.lengthBytes()
                || sequenceNumber == 0
                || lastFileBytes < 0
                || LogEntry.descriptorSectors(descriptors) > lengthBytes / LogEntry.SECTOR_BYTES) {
            return null;
        }
        LogEntry entry = new LogEntry(
                start,
                (int) (lengthBytes / LogEntry.SECTOR_BYTES),
                sequenceNumber,
                (int) (tail / LogEntry.SECTOR_BYTES),
                (int) descriptors,
                bytes.u64(at + LogEntry.FLUSHED_FILE_OFFSET_OFFSET),
                lastFileBytes);
        return checksumMatches(entry) && descriptorsAreValid(entry) ? entry : null;
    }

    private boolean checksumMatches(LogEntry entry) {
        long lengthBytes = (long) entry.sectors() * LogEntry.SECTOR_BYTES;
        checksumBudgetBytes -= lengthBytes;
        if (checksumBudgetBytes < 0) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "it was not closed, and its log's entries overlap");
        }
        long at = (long) entry.startSector() * LogEntry.SECTOR_BYTES;
        long beforeWrapBytes = Math.min(lengthBytes, bytes.lengthBytes() - at);
        MemorySegment first = bytes.segment().asSlice(at, beforeWrapBytes);
        CRC32C crc = Checksums.begin(first);
        Checksums.addRest(crc, first);
        crc.update(bytes.segment().asSlice(0, lengthBytes - beforeWrapBytes).asByteBuffer());
        return crc.getValue() == bytes.u32(at + Checksums.CHECKSUM_OFFSET);
    }

    private boolean descriptorsAreValid(LogEntry entry) {
        int dataSector = (int) LogEntry.descriptorSectors(entry.descriptors());
        for (int i = 0; i < entry.descriptors(); i++) {
            long descriptor = descriptor(entry, i);
            long offset = fileOffset(descriptor);
            if (offset < 0
                    || offset % LogEntry.SECTOR_BYTES != 0
                    || bytes.u64(descriptor + LogEntry.DESCRIPTOR_SEQUENCE_NUMBER_OFFSET)
                            != entry.sequenceNumber()) {
                return false;
            }
            if (isData(descriptor)) {
                if (offset > Long.MAX_VALUE - LogEntry.SECTOR_BYTES
                        || dataSector == entry.sectors()
                        || !dataSectorIsValid(entry, sector(entry, dataSector))) {
                    return false;
                }
                dataSector++;
            } else {
                long zeroBytes = zeroLength(descriptor);
                if (bytes.u32(descriptor) != LogEntry.ZERO_SIGNATURE
                        || zeroBytes < 0
                        || zeroBytes % LogEntry.SECTOR_BYTES != 0
                        || offset > Long.MAX_VALUE - zeroBytes) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean dataSectorIsValid(LogEntry entry, long sector) {
        return bytes.u32(sector) == LogEntry.DATA_SECTOR_SIGNATURE
                && bytes.u32(sector + LogEntry.DATA_SEQUENCE_HIGH_OFFSET) == entry.sequenceNumber() >>> Integer.SIZE
                && bytes.u32(sector + LogEntry.DATA_SEQUENCE_LOW_OFFSET) == (entry.sequenceNumber() & 0xffffffffL);
    }

    /** Returns where in the log a sector of an entry is, in bytes. */
    long sector(LogEntry entry, int index) {
        return (long) ((entry.startSector() + index) % sectors) * LogEntry.SECTOR_BYTES;
    }

    /** Returns where in the log a descriptor of an entry is, in bytes. */
    long descriptor(LogEntry entry, int index) {
        int within = LogEntry.HEADER_BYTES + index * LogEntry.DESCRIPTOR_BYTES;
        return sector(entry, within / LogEntry.SECTOR_BYTES) + within % LogEntry.SECTOR_BYTES;
    }

    /** Tells whether a descriptor is of data; else it is of zeroes. */
    boolean isData(long descriptor) {
        return bytes.u32(descriptor) == LogEntry.DATA_DESCRIPTOR_SIGNATURE;
    }

    /** Returns where in the file a descriptor's change is to be made. */
    long fileOffset(long descriptor) {
        return bytes.u64(descriptor + LogEntry.DESCRIPTOR_FILE_OFFSET_OFFSET);
    }

    /** Returns how many bytes a descriptor of zeroes is about. */
    long zeroLength(long descriptor) {
        return bytes.u64(descriptor + LogEntry.DESCRIPTOR_LEADING_BYTES_OFFSET);
    }

    /** Puts together what a data sector holds with the bytes of it that its descriptor has. */
    void copyData(long descriptor, long sector, MemorySegment target, long targetOffset) {
        MemorySegment log = bytes.segment();
        MemorySegment.copy(log, sector, target, targetOffset, LogEntry.SECTOR_BYTES);
        MemorySegment.copy(
                log,
                descriptor + LogEntry.DESCRIPTOR_LEADING_BYTES_OFFSET,
                target,
                targetOffset,
                LogEntry.LEADING_BYTES);
        MemorySegment.copy(
                log,
                descriptor + LogEntry.DESCRIPTOR_TRAILING_BYTES_OFFSET,
                target,
                targetOffset + LogEntry.SECTOR_BYTES - LogEntry.TRAILING_BYTES,
                LogEntry.TRAILING_BYTES);
    }
}

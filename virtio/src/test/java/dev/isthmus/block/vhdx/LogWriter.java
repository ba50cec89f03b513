// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjLongConsumer;

/** Makes entries of a log, as whoever changes a file through it does (MS-VHDX 2.3.1). */
final class LogWriter {
    private record Change(long fileOffset, long zeroBytes, byte[] data) {}

    private final List<Change> changes = new ArrayList<>();
    private final long sequenceNumber;
    private final int tailSector;
    private Guid guid = VhdxBuilder.LOG_GUID;
    private long flushedFileBytes;
    private long lastFileBytes;

    /** Begins an entry. */
    LogWriter(long sequenceNumber, int tailSector) {
        this.sequenceNumber = sequenceNumber;
        this.tailSector = tailSector;
    }

    LogWriter guid(Guid newGuid) {
        guid = newGuid;
        return this;
    }

    LogWriter fileSizes(long flushedBytes, long lastBytes) {
        flushedFileBytes = flushedBytes;
        lastFileBytes = lastBytes;
        return this;
    }

    /** Adds a sector of data, shorter data being filled up with zeroes. */
    LogWriter data(long fileOffset, byte... data) {
        byte[] sector = new byte[LogEntry.SECTOR_BYTES];
        System.arraycopy(data, 0, sector, 0, data.length);
        changes.add(new Change(fileOffset, 0, sector));
        return this;
    }

    /** Adds zeroes. */
    LogWriter zero(long fileOffset, long lengthBytes) {
        changes.add(new Change(fileOffset, lengthBytes, new byte[0]));
        return this;
    }

    /** Returns the entry with its checksum. */
    byte[] bytes() {
        return bytes((bytes, dataSectors) -> {});
    }

    /**
     * Returns the entry with its checksum.
     *
     * @param tamper changes it before; is told where the data sectors begin
     */
    byte[] bytes(ObjLongConsumer<ByteBuffer> tamper) {
        int descriptorBytes =
                Math.toIntExact(LogEntry.descriptorSectors(changes.size()) * LogEntry.SECTOR_BYTES);
        long dataSectors =
                changes.stream().filter(change -> change.data.length > 0).count();
        ByteBuffer entry = ByteBuffer.allocate(descriptorBytes + (int) dataSectors * LogEntry.SECTOR_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        entry.put("loge".getBytes(StandardCharsets.US_ASCII)).putInt(0).putInt(entry.capacity());
        entry.putInt(tailSector * LogEntry.SECTOR_BYTES).putLong(sequenceNumber).putInt(changes.size()).putInt(0);
        entry.putLong(guid.low()).putLong(guid.high()).putLong(flushedFileBytes).putLong(lastFileBytes);
        int dataSector = descriptorBytes;
        for (Change change : changes) {
            if (change.data.length == 0) {
                entry.put("zero".getBytes(StandardCharsets.US_ASCII)).putInt(0).putLong(change.zeroBytes);
            } else {
                ByteBuffer data = ByteBuffer.wrap(change.data).order(ByteOrder.LITTLE_ENDIAN);
                entry.put("desc".getBytes(StandardCharsets.US_ASCII));
                entry.putInt(data.getInt(LogEntry.DATA_SEQUENCE_LOW_OFFSET)).putLong(data.getLong(0));
                entry.put(dataSector, change.data);
                entry.put(dataSector, "data".getBytes(StandardCharsets.US_ASCII));
                entry.putInt(dataSector + LogEntry.DATA_SEQUENCE_HIGH_OFFSET, (int) (sequenceNumber >>> 32));
                entry.putInt(dataSector + LogEntry.DATA_SEQUENCE_LOW_OFFSET, (int) sequenceNumber);
                dataSector += LogEntry.SECTOR_BYTES;
            }
            entry.putLong(change.fileOffset).putLong(sequenceNumber);
        }
        tamper.accept(entry, descriptorBytes);
        entry.putInt(Checksums.CHECKSUM_OFFSET, (int) VhdxBuilder.crc(entry.array()));
        return entry.array();
    }

    /** Returns how many sectors the entry has. */
    int sectors() {
        return bytes().length / LogEntry.SECTOR_BYTES;
    }
}

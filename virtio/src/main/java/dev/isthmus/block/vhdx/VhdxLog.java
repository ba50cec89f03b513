// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.Arena;
import java.util.Arrays;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * Replays the log of a file that was not closed, in memory (MS-VHDX 2.3.2 and 2.3.3): the file itself stays as it is.
 *
 * <p>The specification's search walks from every sector over all entries that follow each other. This one looks at each
 * entry once and finds the same: an entry is followed by one entry at most, so every entry leads to one newest entry,
 * and the active sequence goes from the tail that the newest of all these names to itself.
 */
final class VhdxLog {
    static final String REPLAY_ELSEWHERE =
            "Open it once for writing with Hyper-V (Mount-VHD), or run qemu-img check -r all, on a copy.";

    private final ImageFile file;
    private final LogRing ring;
    private final LogEntry[] entries;

    /** Which entry begins in a sector, or -1. */
    private final int[] entryAt;

    /** The newest entry that an entry leads to. */
    private final int[] heads;

    /** How many sectors there are from an entry to the end of that. */
    private final long[] spans;

    private VhdxLog(ImageFile file, LogRing ring) {
        this.file = file;
        this.ring = ring;
        this.entries = ring.entries().toArray(new LogEntry[0]);
        this.entryAt = new int[ring.sectors()];
        this.heads = new int[entries.length];
        this.spans = new long[entries.length];
        Arrays.sort(entries);
        Arrays.fill(entryAt, -1);
        for (int i = 0; i < entries.length; i++) {
            entryAt[entries[i].startSector()] = i;
        }
        // The newest come first, so what follows an entry has been seen.
        for (int i = 0; i < entries.length; i++) {
            int next = next(i);
            heads[i] = next < 0 ? i : heads[next];
            spans[i] = entries[i].sectors() + (next < 0 ? 0 : spans[next]);
        }
    }

    /**
     * Replays a log.
     *
     * @param file the file
     * @param header its header, with a log
     * @return the file as it would be with the log replayed
     * @throws ImageException if the log is damaged
     */
    static ReplayedFile replay(ImageFile file, VhdxHeader header) {
        try (Arena arena = Arena.ofConfined()) {
            VhdxLog log = new VhdxLog(file, LogRing.read(file, header, arena));
            return log.replay(log.activeHead());
        }
    }

    private int next(int entry) {
        int follower = entryAt[(entries[entry].startSector() + entries[entry].sectors()) % entryAt.length];
        return follower >= 0 && entries[follower].sequenceNumber() == entries[entry].sequenceNumber() + 1
                ? follower
                : -1;
    }

    private int activeHead() {
        for (int head = 0; head < entries.length; head++) {
            int tail = entryAt[entries[head].tailSector()];
            if (heads[head] == head && tail >= 0 && heads[tail] == head && spans[tail] <= ring.sectors()) {
                return head;
            }
        }
        // QEMU opens it as it is: if it died before the first entry, nothing was changed yet. But that can't be told from
        // a log that got lost, so by the specification the file is corrupt and must not be opened.
        throw new ImageException(
                VhdxHeader.FORMAT + " image " + file.name()
                        + " is damaged: it was not closed, and its log has no valid entries.",
                REPLAY_ELSEWHERE);
    }

    private ReplayedFile replay(int head) {
        LogEntry last = entries[head];
        if (Long.compareUnsigned(last.flushedFileBytes(), file.sizeBytes()) > 0) {
            throw ImageErrors.damaged(
                    VhdxHeader.FORMAT,
                    file,
                    "the file has " + file.sizeBytes() + " bytes, and had "
                            + Long.toUnsignedString(last.flushedFileBytes()) + " when its log was written");
        }
        // Entries before the tail are not replayed, though they may still be there: what they changed was written, and
        // its place may have been used anew since.
        int tail = entryAt[last.tailSector()];
        Overlay.Builder changes = new Overlay.Builder(file, dataSectors(tail));
        try {
            for (int entry = tail; entry >= 0; entry = next(entry)) {
                apply(entries[entry], changes);
            }
            return new ReplayedFile(file, changes.build(), last.lastFileBytes());
        } catch (RuntimeException e) {
            changes.close();
            throw e;
        }
    }

    private int dataSectors(int tail) {
        int count = 0;
        for (int entry = tail; entry >= 0; entry = next(entry)) {
            for (int i = 0; i < entries[entry].descriptors(); i++) {
                if (ring.isData(ring.descriptor(entries[entry], i))) {
                    count++;
                }
            }
        }
        return count;
    }

    private void apply(LogEntry entry, Overlay.Builder changes) {
        int dataSector = (int) LogEntry.descriptorSectors(entry.descriptors());
        for (int i = 0; i < entry.descriptors(); i++) {
            long descriptor = ring.descriptor(entry, i);
            long offset = ring.fileOffset(descriptor);
            if (ring.isData(descriptor)) {
                long dataOffset = changes.reserve();
                ring.copyData(descriptor, ring.sector(entry, dataSector), changes.data(), dataOffset);
                changes.put(offset, offset + LogEntry.SECTOR_BYTES, dataOffset);
                dataSector++;
            } else {
                changes.put(offset, offset + ring.zeroLength(descriptor), Overlay.NO_DATA);
            }
        }
    }
}

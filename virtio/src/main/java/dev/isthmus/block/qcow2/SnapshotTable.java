// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;

/** Reads and writes the table of internal snapshots ("Snapshot table entry"). */
final class SnapshotTable {
    /** Size of the state, size of the disk, and the count of instructions. */
    private static final int KNOWN_EXTRA_BYTES = 24;

    /** What version 3 must have of it. */
    private static final int REQUIRED_EXTRA_BYTES = 16;

    private static final int MAX_ENTRY_BYTES =
            Qcow2Format.SNAPSHOT_HEADER_BYTES + Qcow2Format.MAX_SNAPSHOT_EXTRA_BYTES + 2 * 0xFFFF;

    private final List<Qcow2Snapshot> snapshots = new ArrayList<>();
    private long lengthBytes;
    private final boolean repairing;
    private int incomplete;
    private int dropped;

    private SnapshotTable(boolean repairing) {
        this.repairing = repairing;
    }

    /** Reads the snapshots of an image that is being opened. */
    static void load(ImageState image) {
        take(image, read(image.file, image.header, false));
    }

    /** Has an image that is being opened have the snapshots of a table. */
    static void take(ImageState image, SnapshotTable table) {
        image.snapshots = table.snapshots;
        image.snapshotTableBytes = table.lengthBytes;
        image.map.setSnapshots(image.header.snapshotsOffset, table.lengthBytes, table.snapshots);
    }

    /**
     * Reads the table that a header points to.
     *
     * @param repairing whether what is too large is left out, to be counted by {@link #dropped}
     * @throws ImageException where it is too large
     * @throws IoFailure where it can't be read
     */
    static SnapshotTable read(ImageFile file, Qcow2Header header, boolean repairing) {
        SnapshotTable table = new SnapshotTable(repairing);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment entry = arena.allocate(MAX_ENTRY_BYTES);
            for (int i = 0; i < header.snapshotCount; i++) {
                if (!table.readEntry(file, header, i, entry)) {
                    table.dropped += header.snapshotCount - i;
                    break;
                }
            }
        }
        return table;
    }

    /** Reads an entry; answers false where it and all behind it are left out. */
    private boolean readEntry(ImageFile file, Qcow2Header header, int index, MemorySegment entry) {
        long start = (lengthBytes + 7) & -8;
        MemorySegment fixed = entry.asSlice(0, Qcow2Format.SNAPSHOT_HEADER_BYTES);
        IoFailure.checkRead(file.read(header.snapshotsOffset + start, fixed));
        int idBytes = Short.toUnsignedInt(fixed.get(Qcow2Format.U16, 12));
        int nameBytes = Short.toUnsignedInt(fixed.get(Qcow2Format.U16, 14));
        long extraThere = Integer.toUnsignedLong(fixed.get(Qcow2Format.U32, 36));
        int extraBytes = (int) Math.min(extraThere, Qcow2Format.MAX_SNAPSHOT_EXTRA_BYTES);
        if (extraThere > extraBytes) {
            refuse(file, "Snapshot " + index + " of " + file.name() + " has too much extra data.");
            dropped++;
        }
        long end = start + Qcow2Format.SNAPSHOT_HEADER_BYTES + extraThere + idBytes + nameBytes;
        if (end > Qcow2Format.MAX_SNAPSHOT_TABLE_BYTES) {
            refuse(file, "The snapshot table of " + file.name() + " is too large.");
            return false;
        }
        MemorySegment rest = entry.asSlice(Qcow2Format.SNAPSHOT_HEADER_BYTES, extraBytes + idBytes + nameBytes);
        long restOffset = header.snapshotsOffset + start + Qcow2Format.SNAPSHOT_HEADER_BYTES;
        readRest(file, restOffset, rest.asSlice(0, extraBytes));
        readRest(file, restOffset + extraThere, rest.asSlice(extraBytes));
        lengthBytes = end;
        if (extraBytes < REQUIRED_EXTRA_BYTES) {
            incomplete++;
        }
        long stateBytes = Integer.toUnsignedLong(fixed.get(Qcow2Format.U32, 32));
        snapshots.add(new Qcow2Snapshot(
                text(rest, extraBytes, idBytes),
                text(rest, extraBytes + idBytes, nameBytes),
                fixed.get(Qcow2Format.U64, 0),
                fixed.get(Qcow2Format.U32, 8),
                fixed.get(Qcow2Format.U32, 16),
                fixed.get(Qcow2Format.U32, 20),
                fixed.get(Qcow2Format.U64, 24),
                extraBytes >= 8 ? rest.get(Qcow2Format.U64, 0) : stateBytes,
                extraBytes >= 16 ? rest.get(Qcow2Format.U64, 8) : header.capacityBytes(),
                extraBytes >= KNOWN_EXTRA_BYTES ? rest.get(Qcow2Format.U64, 16) : -1,
                rest.asSlice(Math.min(extraBytes, KNOWN_EXTRA_BYTES), Math.max(0, extraBytes - KNOWN_EXTRA_BYTES))
                        .toArray(ValueLayout.JAVA_BYTE)));
        return true;
    }

    private static void readRest(ImageFile file, long offset, MemorySegment target) {
        if (target.byteSize() > 0) {
            IoFailure.checkRead(file.read(offset, target));
        }
    }

    private void refuse(ImageFile file, String why) {
        if (!repairing) {
            throw new ImageException(why, "Repair " + file.name() + " with 'isthmus image check --repair all'.");
        }
    }

    private static String text(MemorySegment rest, int offset, int lengthBytes) {
        return new String(rest.asSlice(offset, lengthBytes).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    List<Qcow2Snapshot> snapshots() {
        return snapshots;
    }

    /** Returns the size of the table in bytes. */
    long lengthBytes() {
        return lengthBytes;
    }

    /** Returns how many entries lack what version 3 must have. */
    int incomplete() {
        return incomplete;
    }

    /** Returns how many entries were left out, or had a part left out. */
    int dropped() {
        return dropped;
    }

    /**
     * Puts a new table in the place of the old one: written and stable before the header changes; only then is the old
     * one's room free. Nobody else uses the image.
     */
    static void replace(ImageState image, List<Qcow2Snapshot> snapshots) {
        byte[] table = encode(snapshots);
        long offset = snapshots.isEmpty() ? 0 : image.allocator.allocateTable(table.length);
        if (!snapshots.isEmpty()) {
            image.noteHighWater(offset + table.length);
            LongTables.write(image.file, offset, table);
        }
        image.refcounts.writeBack();
        IoFailure.check(image.file.flush());
        long oldOffset = image.header.snapshotsOffset;
        long oldClusters = image.layout.clusters(image.snapshotTableBytes);
        image.headerFields.setSnapshots(offset, snapshots.size());
        image.snapshots = new ArrayList<>(snapshots);
        image.snapshotTableBytes = table.length;
        image.map.setSnapshots(offset, table.length, snapshots);
        image.allocator.freeNow(oldOffset >>> image.layout.clusterBits, oldClusters);
    }

    private static byte[] encode(List<Qcow2Snapshot> snapshots) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Qcow2Snapshot snapshot : snapshots) {
            out.writeBytes(new byte[-out.size() & 7]);
            byte[] id = snapshot.id().getBytes(StandardCharsets.UTF_8);
            byte[] name = snapshot.name().getBytes(StandardCharsets.UTF_8);
            byte[] fixed = new byte[Qcow2Format.SNAPSHOT_HEADER_BYTES + KNOWN_EXTRA_BYTES];
            MemorySegment entry = MemorySegment.ofArray(fixed);
            entry.set(Qcow2Format.U64, 0, snapshot.l1Offset());
            entry.set(Qcow2Format.U32, 8, snapshot.l1Entries());
            entry.set(Qcow2Format.U16, 12, (short) id.length);
            entry.set(Qcow2Format.U16, 14, (short) name.length);
            entry.set(Qcow2Format.U32, 16, snapshot.dateSeconds());
            entry.set(Qcow2Format.U32, 20, snapshot.dateNanos());
            entry.set(Qcow2Format.U64, 24, snapshot.vmClockNanos());
            // Who knows only the 32 bit field must not take a part of a large state for all of it.
            boolean small = snapshot.vmStateBytes() >>> 32 == 0;
            entry.set(Qcow2Format.U32, 32, small ? (int) snapshot.vmStateBytes() : 0);
            entry.set(Qcow2Format.U32, 36, KNOWN_EXTRA_BYTES + snapshot.unknownExtra().length);
            entry.set(Qcow2Format.U64, 40, snapshot.vmStateBytes());
            entry.set(Qcow2Format.U64, 48, snapshot.diskBytes());
            entry.set(Qcow2Format.U64, 56, snapshot.icount());
            out.writeBytes(fixed);
            out.writeBytes(snapshot.unknownExtra());
            out.writeBytes(id);
            out.writeBytes(name);
        }
        return out.toByteArray();
    }
}

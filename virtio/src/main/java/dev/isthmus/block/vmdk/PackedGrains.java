// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * Unpacks compressed grains and keeps the last few, so that small reads one after the other unpack a grain once.
 *
 * <p>A packed grain is a marker (the first sector of the grain in the extent, 64 bits, and the size of the data, 32
 * bits) and the data (Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents"). The note says RFC 1951
 * (deflate); what all products write is RFC 1950 (zlib), which wraps it.
 *
 * <p>Any thread: each grain has one slot that it can be in, with a lock that is held while the grain is read.
 */
final class PackedGrains implements AutoCloseable {
    static final int MARKER_BYTES = 12;

    /** What is kept of unpacked grains, if they are not larger than that. */
    private static final long KEPT_BYTES = 1 << 20;

    private static final int MAX_SLOTS = 16;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Room for one grain; its memory is made when it is first used. */
    private static final class Slot {
        private final Inflater inflater = new Inflater();
        private final MemorySegment packed;
        private final MemorySegment grain;
        private final ByteBuffer packedBuffer;
        private final ByteBuffer grainBuffer;
        private @Nullable SparseExtent extent;
        private long grainSector;

        /** How much of the grain there is. */
        private int validBytes;

        private Slot(Arena arena, long grainBytes) {
            // QEMU's bound for the data: twice the grain.
            this.packed = arena.allocate(MARKER_BYTES + 2 * grainBytes, Long.BYTES);
            // One more, to see whether there is more than a grain.
            this.grain = arena.allocate(grainBytes + 1, Long.BYTES);
            this.packedBuffer = packed.asByteBuffer();
            this.grainBuffer = grain.asByteBuffer();
        }
    }

    private final FaultLog faults;
    private final Arena arena = Arena.ofShared();
    private final long grainBytes;
    private final @Nullable Slot[] slots;
    private final Object[] locks;

    /**
     * Makes room for grains.
     *
     * @param grainBytes the size of the largest
     * @param faults where damage is told
     */
    PackedGrains(long grainBytes, FaultLog faults) {
        this.faults = faults;
        this.grainBytes = grainBytes;
        int count = Math.clamp(KEPT_BYTES / grainBytes, 2, MAX_SLOTS);
        this.slots = new @Nullable Slot[count];
        this.locks = new Object[count];
        for (int i = 0; i < count; i++) {
            locks[i] = new Object();
        }
    }

    /**
     * Reads from a grain.
     *
     * @param extent the grain's extent
     * @param grainSector where in the extent the grain begins
     * @param fileOffset where in the file it is
     * @param skipBytes where in the grain to begin
     * @param target memory to fill, no more than there is in the grain from there on
     */
    BlockStatus read(SparseExtent extent, long grainSector, long fileOffset, int skipBytes, ScatterView target) {
        int index = (int) (grainSector / extent.header().grainSectors() % slots.length);
        synchronized (locks[index]) {
            Slot slot = slots[index];
            if (slot == null) {
                slot = new Slot(arena, grainBytes);
                slots[index] = slot;
            }
            if (!holds(slot, extent, grainSector)) {
                slot.extent = null;
                BlockStatus status = load(slot, extent, grainSector, fileOffset);
                if (status != BlockStatus.OK) {
                    return status;
                }
                slot.extent = extent;
                slot.grainSector = grainSector;
            }
            // The grain at the end of the disk may be shorter than others.
            if (skipBytes + target.totalBytes() > slot.validBytes) {
                return damaged(extent, grainSector, "it has " + slot.validBytes + " bytes only");
            }
            Scatters.copy(slot.grain, skipBytes, target, 0, target.totalBytes());
            return BlockStatus.OK;
        }
    }

    @SuppressWarnings("ReferenceEquality") // An extent is itself.
    private static boolean holds(Slot slot, SparseExtent extent, long grainSector) {
        return slot.extent == extent && slot.grainSector == grainSector;
    }

    private BlockStatus load(Slot slot, SparseExtent extent, long grainSector, long fileOffset) {
        if (fileOffset >= extent.fileBytes()) {
            return damaged(extent, grainSector, "it lies beyond the end of the file");
        }
        // Nearly always all of it: data that do not become smaller are rare.
        long firstBytes = Math.min(slot.packed.byteSize(), MARKER_BYTES + extent.header().grainBytes());
        BlockStatus status = readPart(slot, extent, fileOffset, 0, firstBytes);
        if (status != BlockStatus.OK) {
            return status;
        }
        int start = 0;
        long dataBytes = 2 * extent.header().grainBytes();
        if (extent.header().markers()) {
            long sector = slot.packed.get(U64, 0);
            dataBytes = Integer.toUnsignedLong(slot.packed.get(U32, Long.BYTES));
            start = MARKER_BYTES;
            // QEMU does not compare the sectors. Another grain's data in this place are worse than an error.
            if (sector != grainSector || dataBytes == 0 || dataBytes > 2 * extent.header().grainBytes()) {
                return damaged(extent, grainSector, "its marker says sector " + sector + " and " + dataBytes + " bytes");
            }
        }
        if (start + dataBytes > firstBytes) {
            status = readPart(slot, extent, fileOffset, firstBytes, start + dataBytes - firstBytes);
            if (status != BlockStatus.OK) {
                return status;
            }
        }
        slot.validBytes = unpack(slot, start, (int) dataBytes, (int) extent.header().grainBytes());
        return slot.validBytes < 0 ? damaged(extent, grainSector, "it can't be unpacked") : BlockStatus.OK;
    }

    /** Reads a part of a packed grain; what lies beyond the end of the file, where there need not be data, is zero. */
    private static BlockStatus readPart(
            Slot slot, SparseExtent extent, long fileOffset, long offset, long lengthBytes) {
        BlockStatus status = extent.file().read(fileOffset + offset, slot.packed.asSlice(offset, lengthBytes));
        return status == BlockStatus.OUT_OF_RANGE ? BlockStatus.OK : status;
    }

    /** Returns how many bytes came out, or -1 where the data are not valid or too much. */
    private static int unpack(Slot slot, int start, int dataBytes, int limitBytes) {
        Inflater inflater = slot.inflater;
        inflater.reset();
        inflater.setInput(slot.packedBuffer.limit(start + dataBytes).position(start));
        ByteBuffer grain = slot.grainBuffer.limit(limitBytes + 1).position(0);
        try {
            // It comes to nothing where the data end too early or want a dictionary.
            while (!inflater.finished() && inflater.inflate(grain) > 0) {
                if (grain.position() > limitBytes) {
                    return -1;
                }
            }
        } catch (DataFormatException e) {
            return -1;
        }
        return inflater.finished() ? grain.position() : -1;
    }

    private BlockStatus damaged(SparseExtent extent, long grainSector, String cause) {
        faults.report("The packed grain at sector " + grainSector + " of " + extent.file().name() + " is damaged: "
                + cause);
        return BlockStatus.IO_ERROR;
    }

    /** Gives the memory back. No other method may be running or be called any more. Idempotent. */
    @Override
    public void close() {
        for (Slot slot : slots) {
            if (slot != null) {
                slot.inflater.end();
            }
        }
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** A disk as plain bytes: what an image must read as. Operations go to both. */
final class DiskModel {
    /** What has been discarded may read as anything until it is written again. */
    private boolean[] undefined;

    byte[] bytes;

    DiskModel(int capacityBytes) {
        bytes = new byte[capacityBytes];
        undefined = new boolean[capacityBytes / 512];
    }

    DiskModel copy() {
        DiskModel copy = new DiskModel(0);
        copy.bytes = bytes.clone();
        copy.undefined = undefined.clone();
        return copy;
    }

    /** Becomes what another one is. */
    void restore(DiskModel other) {
        bytes = other.bytes.clone();
        undefined = other.undefined.clone();
    }

    /** Writes random bytes, in one or several pieces of memory. */
    BlockStatus write(BlockBackend disk, SplittableRandom random, int offset, int lengthBytes) {
        byte[] data = new byte[lengthBytes];
        random.nextBytes(data);
        try (Arena arena = Arena.ofConfined()) {
            BlockStatus status = disk.write(offset, list(arena, data, random));
            if (status == BlockStatus.OK) {
                put(offset, data);
            }
            return status;
        }
    }

    /** Takes bytes over, as somebody wrote them. */
    void put(int offset, byte[] data) {
        System.arraycopy(data, 0, bytes, offset, data.length);
        Arrays.fill(undefined, offset / 512, (offset + data.length) / 512, false);
    }

    BlockStatus zero(BlockBackend disk, int offset, int lengthBytes, boolean mayUnmap) {
        BlockStatus status = disk.writeZeroes(offset, lengthBytes, mayUnmap);
        if (status == BlockStatus.OK) {
            put(offset, new byte[lengthBytes]);
        }
        return status;
    }

    BlockStatus discard(BlockBackend disk, int offset, int lengthBytes) {
        BlockStatus status = disk.discard(offset, lengthBytes);
        Arrays.fill(undefined, offset / 512, (offset + lengthBytes) / 512, true);
        return status;
    }

    BlockStatus resize(BlockBackend disk, int newBytes) {
        BlockStatus status = disk.resize(newBytes);
        if (status == BlockStatus.OK) {
            bytes = Arrays.copyOf(bytes, newBytes);
            undefined = Arrays.copyOf(undefined, newBytes / 512);
        }
        return status;
    }

    /** Reads a range and compares it. */
    void check(BlockBackend disk, SplittableRandom random, int offset, int lengthBytes) {
        byte[] read = new byte[lengthBytes];
        random.nextBytes(read);
        try (Arena arena = Arena.ofConfined()) {
            ScatterList target = list(arena, read, random);
            assertEquals(BlockStatus.OK, disk.read(offset, target));
            int position = 0;
            for (int i = 0; i < target.count(); i++) {
                MemorySegment piece = target.segment(i).asSlice(target.offset(i), target.lengthBytes(i));
                MemorySegment.copy(piece, ValueLayout.JAVA_BYTE, 0, read, position, (int) piece.byteSize());
                position += (int) piece.byteSize();
            }
        }
        compare(offset, read);
    }

    /** Compares the contents of a range; what is undefined becomes what it reads as. */
    void compare(int offset, byte[] read) {
        for (int sector = 0; sector < read.length / 512; sector++) {
            int at = offset + sector * 512;
            if (undefined[at / 512]) {
                System.arraycopy(read, sector * 512, bytes, at, 512);
                undefined[at / 512] = false;
            }
        }
        byte[] expected = Arrays.copyOfRange(bytes, offset, offset + read.length);
        int mismatch = Arrays.mismatch(expected, read);
        assertEquals(-1, mismatch, () -> "first difference at " + (offset + mismatch));
        assertArrayEquals(expected, read);
    }

    /** Reads all and compares it. */
    void checkAll(BlockBackend disk) {
        assertEquals(bytes.length, disk.capacityBytes());
        SplittableRandom random = new SplittableRandom(1);
        for (int offset = 0; offset < bytes.length; offset += 1 << 20) {
            check(disk, random, offset, Math.min(1 << 20, bytes.length - offset));
        }
    }

    /** Compares with what 'qemu-img convert' made of an image. */
    void checkFile(Path raw) {
        try {
            byte[] read = Files.readAllBytes(raw);
            assertEquals(bytes.length, read.length);
            compare(0, read);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ScatterList list(Arena arena, byte[] data, SplittableRandom random) {
        MemorySegment memory = arena.allocate(data.length + 64L);
        MemorySegment.copy(data, 0, memory, ValueLayout.JAVA_BYTE, 0, data.length);
        ScatterList list = new ScatterList();
        int done = 0;
        while (done < data.length) {
            int count = random.nextInt(3) == 0 ? data.length - done : 1 + random.nextInt(data.length - done);
            list.add(memory, done, count);
            done += count;
        }
        return list;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterView;

/** A file that stays open when the image that works on it closes: it is somebody else's. */
final class BorrowedFile implements ImageFile {
    private final ImageFile file;

    BorrowedFile(ImageFile file) {
        this.file = file;
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public long sizeBytes() {
        return file.sizeBytes();
    }

    @Override
    public boolean readOnly() {
        return file.readOnly();
    }

    @Override
    public BlockGeometry geometry() {
        return file.geometry();
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        return file.read(offsetBytes, target);
    }

    @Override
    public BlockStatus read(long offsetBytes, MemorySegment target) {
        return file.read(offsetBytes, target);
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        return file.write(offsetBytes, source);
    }

    @Override
    public BlockStatus write(long offsetBytes, MemorySegment source) {
        return file.write(offsetBytes, source);
    }

    @Override
    public long nextData(long offsetBytes) {
        return file.nextData(offsetBytes);
    }

    @Override
    public long nextHole(long offsetBytes) {
        return file.nextHole(offsetBytes);
    }

    @Override
    public long allocatedBytes() {
        return file.allocatedBytes();
    }

    @Override
    public BlockStatus flush() {
        return file.flush();
    }

    @Override
    public BlockStatus setSize(long sizeBytes) {
        return file.setSize(sizeBytes);
    }

    @Override
    public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        return file.punchHole(offsetBytes, lengthBytes);
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        return file.writeZeroes(offsetBytes, lengthBytes, mayUnmap);
    }

    @Override
    public void close() {}
}

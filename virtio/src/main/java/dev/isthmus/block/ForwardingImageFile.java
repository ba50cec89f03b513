// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.ScatterView;

/** A file that does all that another one does, but for what a subclass changes. */
public abstract class ForwardingImageFile implements ImageFile {
    private final ImageFile file;

    /** Makes one that passes everything on. */
    protected ForwardingImageFile(ImageFile file) {
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
    public BlockStatus discard(long offsetBytes, long lengthBytes) {
        return file.discard(offsetBytes, lengthBytes);
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        return file.writeZeroes(offsetBytes, lengthBytes, mayUnmap);
    }

    @Override
    public void close() {
        file.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterView;

/**
 * Opens files that are never flushed: for an image that is being filled, and thrown away should that not succeed. Waiting
 * for the storage would protect nothing, and take most of the time.
 */
final class UnflushedFolder implements ImageFolder {
    private final ImageFolder folder;

    UnflushedFolder(ImageFolder folder) {
        this.folder = folder;
    }

    @Override
    public ImageFile open(String name, boolean readOnly) {
        ImageFile file = folder.open(name, readOnly);
        return readOnly ? file : new UnflushedFile(file);
    }

    @Override
    public String resolve(String imageName, String reference) {
        return folder.resolve(imageName, reference);
    }

    @Override
    public String identity(String name) {
        return folder.identity(name);
    }

    private record UnflushedFile(ImageFile file) implements ImageFile {
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
            return BlockStatus.OK;
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
        public void close() {
            file.close();
        }
    }
}

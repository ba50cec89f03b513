// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.ImageErrors;
import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.TableCache;

/** A part of a disk whose bytes are those of a file, from some offset on (types FLAT and VMFS). */
final class FlatExtent implements Extent {
    private final ImageFile file;
    private final long fileBytes;
    private final long startBytes;

    /**
     * Makes one.
     *
     * @param file is closed with the extent
     * @param startBytes where in the file the extent begins
     * @param lengthBytes its size
     * @throws dev.isthmus.block.ImageException if the file is too short for it
     */
    FlatExtent(ImageFile file, long startBytes, long lengthBytes) {
        this.file = file;
        this.fileBytes = file.sizeBytes();
        this.startBytes = startBytes;
        if (startBytes > fileBytes || lengthBytes > fileBytes - startBytes) {
            // QEMU would read zeroes there. Whatever it was is lost, which is better known before a guest runs on it.
            throw ImageErrors.damaged(
                    SparseHeader.FORMAT,
                    file,
                    "it has " + fileBytes + " bytes, and its descriptor says " + lengthBytes + " from byte "
                            + startBytes + " on");
        }
    }

    @Override
    public void locate(long offsetBytes, boolean mayWait, TableCache tables, Location found) {
        found.plain(file, fileBytes, startBytes + offsetBytes, Long.MAX_VALUE);
    }

    @Override
    public void close() {
        file.close();
    }
}

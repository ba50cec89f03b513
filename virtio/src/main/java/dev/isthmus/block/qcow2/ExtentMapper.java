// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.DirectAccess;
import dev.isthmus.block.ExtentList;

/** Tells an engine where ranges are, as far as that is known without I/O. Under the metadata lock only. */
final class ExtentMapper {
    /** More than an engine would take in one request. */
    private static final int MAX_EXTENTS = 128;

    private final ImageState image;
    private final ClusterMap clusters;
    private final Run run = new Run();
    private final ExtentList backingExtents = new ExtentList();

    ExtentMapper(ImageState image, ClusterMap clusters) {
        this.image = image;
        this.clusters = clusters;
    }

    /** Fills a list with a range; answers false where that takes I/O, an allocation, or somebody who waits. */
    boolean map(boolean write, long offset, long lengthBytes, ExtentList extents) {
        long done = 0;
        while (done < lengthBytes) {
            long at = offset + done;
            if (!clusters.cached(at) || extents.count() >= MAX_EXTENTS) {
                return false;
            }
            clusters.find(at, lengthBytes - done, run);
            if (write ? !mapWrite(extents) : !mapRead(at, extents)) {
                return false;
            }
            done += run.lengthBytes;
        }
        return true;
    }

    private boolean mapWrite(ExtentList extents) {
        if (run.type != ClusterType.DATA || !run.copied) {
            return false;
        }
        if (!image.externalData()) {
            image.checkData(run.hostOffset, run.lengthBytes);
        }
        extents.add(image.data(), run.hostOffset, run.lengthBytes);
        return true;
    }

    private boolean mapRead(long offset, ExtentList extents) {
        switch (run.type) {
            case DATA -> extents.add(image.data(), run.hostOffset, run.lengthBytes);
            case ZERO_PLAIN, ZERO_ALLOCATED -> extents.add(null, 0, run.lengthBytes);
            case UNALLOCATED -> {
                return mapBacking(offset, extents);
            }
            case COMPRESSED -> {
                return false;
            }
        }
        return true;
    }

    private boolean mapBacking(long offset, ExtentList extents) {
        BlockBackend backing = image.backing;
        long there = backing == null ? 0 : Math.clamp(backing.capacityBytes() - offset, 0, run.lengthBytes);
        if (there > 0) {
            // What nobody may write stays where it is, and needs no unmap.
            if (!(backing instanceof DirectAccess direct)
                    || !backing.readOnly()
                    || !direct.map(false, offset, there, backingExtents)) {
                return false;
            }
            for (int i = 0; i < backingExtents.count(); i++) {
                extents.add(backingExtents.file(i), backingExtents.offsetBytes(i), backingExtents.lengthBytes(i));
            }
            direct.unmap(false, backingExtents);
        }
        if (there < run.lengthBytes) {
            extents.add(null, 0, run.lengthBytes - there);
        }
        return true;
    }
}

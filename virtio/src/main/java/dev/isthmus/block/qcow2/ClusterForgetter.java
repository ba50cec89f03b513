// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import dev.isthmus.block.RangeList;

/**
 * Has ranges of the disk hold nothing any more, so that what the image is based on shows through. Any thread.
 *
 * <p>Whenever the host crashes, each cluster reads either as it was or as what is below it, and never as zeroes: host
 * clusters are punched out of the file only when the L2 entries that no longer refer to them are stable. The punching
 * counts as I/O in flight from the change of the entries on, so that none of the clusters is reused before.
 */
final class ClusterForgetter {
    /** As many L2 tables are looked at before others get the metadata lock. */
    private static final int MAX_TABLES_AT_ONCE = 64;

    private final ImageState image;
    private final ClusterLayout layout;
    private final ClusterMap clusters;

    /** Host clusters that nothing refers to any more, to be punched. */
    private final RangeList given = new RangeList();

    private long givenOffset;
    private long givenBytes;

    ClusterForgetter(ImageState image, ClusterMap clusters) {
        this.image = image;
        this.layout = image.layout;
        this.clusters = clusters;
    }

    /**
     * Gives up guest clusters.
     *
     * @throws IoFailure where that fails; those before may be given up by then
     */
    void forget(long firstCluster, long endCluster) {
        long at = firstCluster;
        while (at < endCluster) {
            // Held from the change to the punching: one who wants the image for himself takes it, and then waits for our
            // I/O, which ends only after a write-back.
            image.writeBack.lock();
            try {
                at = forgetSome(at, endCluster);
            } finally {
                image.writeBack.unlock();
            }
        }
    }

    private long forgetSome(long firstCluster, long endCluster) {
        given.clear();
        givenBytes = 0;
        long at = firstCluster;
        int ticket;
        image.enterToChange();
        try {
            for (int tables = 0; at < endCluster && tables < MAX_TABLES_AT_ONCE; tables++) {
                at += changeEntries(at, endCluster);
                if (image.l2Tables.tooDirty() || image.frees.tooMany()) {
                    break;
                }
            }
            endRun();
            ticket = image.inFlight.begin();
        } finally {
            image.exit();
        }
        try {
            punch();
        } finally {
            image.inFlight.end(ticket);
        }
        return at;
    }

    private void punch() {
        if (given.count() == 0) {
            return;
        }
        image.writeBack.flush();
        for (int i = 0; i < given.count(); i++) {
            // No harm where it fails: no entry refers to these clusters any more.
            image.data().punchHole(given.offsetBytes(i), given.lengthBytes(i));
        }
    }

    /** Clears entries of one L2 table; answers how many guest clusters are done. */
    private int changeEntries(long guestCluster, long endCluster) {
        long busy;
        while ((busy = image.allocatingWrites.firstBusy(guestCluster, endCluster)) == guestCluster) {
            image.inFlight.awaitChange();
            image.waitWhileExclusive();
        }
        int index = layout.l2Index(guestCluster);
        int count = (int) Math.min(busy - guestCluster, layout.l2Entries - index);
        CachedTable table = image.l1.table(guestCluster);
        boolean changing = false;
        for (int i = 0; i < count && table != null; i++) {
            long old = table.get(index + i);
            if (old == 0) {
                continue;
            }
            ClusterType type = clusters.checkedType(old, guestCluster + i);
            boolean owned = (type == ClusterType.DATA || type == ClusterType.ZERO_ALLOCATED)
                    && (old & Qcow2Format.COPIED) != 0;
            if (owned && !image.externalData()) {
                image.checkData(old & Qcow2Format.OFFSET_MASK, layout.clusterBytes);
            }
            if (!changing) {
                table = image.l1.tableToChange(guestCluster);
                changing = true;
            }
            table.set(index + i, 0);
            clusters.drop(old);
            if (owned) {
                give(old & Qcow2Format.OFFSET_MASK);
            }
        }
        return count;
    }

    private void give(long hostOffset) {
        if (givenBytes > 0 && givenOffset + givenBytes == hostOffset) {
            givenBytes += layout.clusterBytes;
            return;
        }
        endRun();
        givenOffset = hostOffset;
        givenBytes = layout.clusterBytes;
    }

    private void endRun() {
        if (givenBytes > 0) {
            given.add(givenOffset, givenBytes, true);
            givenBytes = 0;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;

/**
 * An internal snapshot (docs/interop/qcow2.txt, "Snapshots").
 *
 * @param id what the image calls it, a number as a rule
 * @param name what the user calls it
 * @param l1Offset where its L1 table is in the file
 * @param l1Entries number of entries of that
 * @param dateSeconds when it was taken, since 1970
 * @param dateNanos the rest of that in nanoseconds
 * @param vmClockNanos how long the guest had been running
 * @param vmStateBytes size of the guest's state, 0 where it has none
 * @param diskBytes size of the disk then
 * @param icount instructions executed, or -1 where that was not counted
 * @param unknownExtra what later versions of the format say about it, kept as it is
 */
public record Qcow2Snapshot(
        String id,
        String name,
        long l1Offset,
        int l1Entries,
        int dateSeconds,
        int dateNanos,
        long vmClockNanos,
        long vmStateBytes,
        long diskBytes,
        long icount,
        byte[] unknownExtra) {

    @Override
    public boolean equals(Object other) {
        return other instanceof Qcow2Snapshot that
                && id.equals(that.id)
                && name.equals(that.name)
                && l1Offset == that.l1Offset
                && l1Entries == that.l1Entries
                && dateSeconds == that.dateSeconds
                && dateNanos == that.dateNanos
                && vmClockNanos == that.vmClockNanos
                && vmStateBytes == that.vmStateBytes
                && diskBytes == that.diskBytes
                && icount == that.icount
                && Arrays.equals(unknownExtra, that.unknownExtra);
    }

    @Override
    public int hashCode() {
        return 31 * id.hashCode() + name.hashCode();
    }

    @Override
    public String toString() {
        return "snapshot " + id + " (" + name + ")";
    }
}

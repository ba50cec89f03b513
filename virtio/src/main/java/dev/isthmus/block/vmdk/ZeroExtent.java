// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.TableCache;

/** A part of a disk that is all zeroes and has no file (type ZERO). */
final class ZeroExtent implements Extent {
    @Override
    public void locate(long offsetBytes, boolean mayWait, TableCache tables, Location found) {
        found.zeroes(Long.MAX_VALUE);
    }

    @Override
    public void close() {
        // There is no file.
    }
}

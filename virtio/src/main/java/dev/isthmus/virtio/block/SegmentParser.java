// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import dev.isthmus.block.RangeList;
import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.queue.ChainReader;

/**
 * Reads the segments of a DISCARD or WRITE_ZEROES, each field once, and checks them by virtio 1.2, sections 5.2.6.1 and
 * 5.2.6.2. A request is sound as a whole or refused as a whole.
 *
 * <p>Loop thread only.
 */
final class SegmentParser {
    private final FaultLog faults;

    SegmentParser(FaultLog faults) {
        this.faults = faults;
    }

    /**
     * Reads the segments that are left in a request.
     *
     * @param discard whether it is a DISCARD: no flag at all is allowed then
     * @param unmapAllowed whether the flag unmap is heeded
     * @param capacityBytes the disk's size
     * @param ranges takes the segments that are not empty
     * @return VIRTIO_BLK_S_OK, or what the request is answered with
     */
    int parse(ChainReader reader, boolean discard, boolean unmapAllowed, long capacityBytes, RangeList ranges) {
        long lengthBytes = reader.remainingBytes();
        long segments = lengthBytes / VirtioBlkProtocol.SEGMENT_BYTES;
        if (segments == 0
                || lengthBytes % VirtioBlkProtocol.SEGMENT_BYTES != 0
                || segments > VirtioBlkConfig.SEGMENTS_MAX) {
            return refuse("discard or write-zeroes of a wrong length");
        }
        long capacity = capacityBytes / VirtioBlkProtocol.SECTOR_BYTES;
        int knownFlags = discard ? 0 : VirtioBlkProtocol.VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
        int status = VirtioBlkProtocol.VIRTIO_BLK_S_OK;
        for (int i = 0; i < segments; i++) {
            long sector = reader.readU64();
            long sectors = reader.readU32();
            long flags = reader.readU32();
            if ((flags & ~knownFlags) != 0) {
                // Wins over all else that may be wrong: the request means something that we do not know.
                faults.report("discard or write-zeroes with unknown flags");
                return VirtioBlkProtocol.VIRTIO_BLK_S_UNSUPP;
            }
            if (status != VirtioBlkProtocol.VIRTIO_BLK_S_OK) {
                continue;
            }
            // A sector beyond 2^63 is negative here.
            if (sector < 0 || sector > capacity || sectors > capacity - sector) {
                status = refuse("discard or write-zeroes beyond the end of the disk");
            } else if (sectors > VirtioBlkConfig.SEGMENT_SECTORS_MAX) {
                status = refuse("discard or write-zeroes of more sectors than a segment may have");
            } else if (sectors > 0) {
                boolean unmap = unmapAllowed && flags != 0;
                ranges.add(
                        sector * VirtioBlkProtocol.SECTOR_BYTES, sectors * VirtioBlkProtocol.SECTOR_BYTES, unmap);
            }
        }
        return status;
    }

    private int refuse(String reason) {
        faults.report(reason);
        return VirtioBlkProtocol.VIRTIO_BLK_S_IOERR;
    }
}

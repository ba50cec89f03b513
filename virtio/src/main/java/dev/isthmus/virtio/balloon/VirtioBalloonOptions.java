// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for a balloon that do not come from the machine's memory.
 *
 * @param queueSizeMax largest Queue Size: a power of 2 up to 32768
 * @param deflateOnOom whether the guest may take pages back by itself rather than run out of memory
 * @param statistics whether the guest is asked for its statistics
 * @param reporting whether the guest reports memory that it does not use, which then goes back to the host
 * @param packed whether drivers may choose packed queues
 */
public record VirtioBalloonOptions(
        int queueSizeMax, boolean deflateOnOom, boolean statistics, boolean reporting, boolean packed) {
    /** As QEMU's. */
    public static final int DEFAULT_QUEUE_SIZE = 128;

    /** All that does a guest no harm: it may deflate, gives statistics, and reports; split queues. */
    public static final VirtioBalloonOptions DEFAULT =
            new VirtioBalloonOptions(DEFAULT_QUEUE_SIZE, true, true, true, false);

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioBalloonOptions {
        if (queueSizeMax < 1
                || queueSizeMax > QueueLayout.QUEUE_SIZE_LIMIT
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("a balloon's queue size is a power of 2 up to 32768");
        }
    }

    /** Returns the same options with another largest Queue Size. */
    public VirtioBalloonOptions withQueueSizeMax(int newQueueSizeMax) {
        return new VirtioBalloonOptions(newQueueSizeMax, deflateOnOom, statistics, reporting, packed);
    }

    /** Returns the same options, with or without deflation by the guest. */
    public VirtioBalloonOptions withDeflateOnOom(boolean newDeflateOnOom) {
        return new VirtioBalloonOptions(queueSizeMax, newDeflateOnOom, statistics, reporting, packed);
    }

    /** Returns the same options, with or without statistics. */
    public VirtioBalloonOptions withStatistics(boolean newStatistics) {
        return new VirtioBalloonOptions(queueSizeMax, deflateOnOom, newStatistics, reporting, packed);
    }

    /** Returns the same options, with or without reporting. */
    public VirtioBalloonOptions withReporting(boolean newReporting) {
        return new VirtioBalloonOptions(queueSizeMax, deflateOnOom, statistics, newReporting, packed);
    }

    /** Returns the same options with or without packed queues. */
    public VirtioBalloonOptions withPacked(boolean newPacked) {
        return new VirtioBalloonOptions(queueSizeMax, deflateOnOom, statistics, reporting, newPacked);
    }

    /** Returns the features to offer. */
    long features() {
        return (deflateOnOom ? VirtioBalloonProtocol.VIRTIO_BALLOON_F_DEFLATE_ON_OOM : 0)
                | (statistics ? VirtioBalloonProtocol.VIRTIO_BALLOON_F_STATS_VQ : 0)
                // Guests that give their free pages a value report none to a device that can't be told of it.
                | (reporting
                        ? VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_REPORTING
                                | VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_POISON
                        : 0);
    }
}

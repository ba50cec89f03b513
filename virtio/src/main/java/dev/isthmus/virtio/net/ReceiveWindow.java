// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The buffers of a receive queue that were taken from the driver and are not used yet, oldest first. Without
 * VIRTIO_NET_F_MRG_RXBUF there is at most one. Loop thread only; allocates nothing once it is warm.
 */
final class ReceiveWindow {
    private final Virtqueue queue;
    private final boolean mergeable;

    /** As a ring: as many chains as the queue has descriptors at most. */
    private final DescriptorChain[] chains;

    private int first;
    private int count;
    private long bytes;
    private String fault = "";

    ReceiveWindow(Virtqueue queue, boolean mergeable) {
        this.queue = queue;
        this.mergeable = mergeable;
        this.chains = new DescriptorChain[queue.size()];
    }

    boolean mergeable() {
        return mergeable;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Returns the room in all buffers together. */
    long bytes() {
        return bytes;
    }

    /** Returns what was wrong when {@link #fill} failed. */
    String fault() {
        return fault;
    }

    /**
     * Takes buffers until there is room for so much, or no more are available.
     *
     * @return false where the driver broke a rule, and the queue is of no use any more
     */
    boolean fill(long wantedBytes) {
        while (bytes < wantedBytes && (mergeable || count == 0)) {
            PopOutcome outcome = queue.pop();
            if (outcome instanceof Malformed malformed) {
                fault = malformed.reason().description();
                return false;
            }
            if (!(outcome instanceof DescriptorChain chain)) {
                return true;
            }
            long chainBytes = chain.writable().totalBytes();
            if (chainBytes < VirtioNetProtocol.HEADER_BYTES) {
                // 5.1.6.3.1; and without this a chain of no bytes would never be used up.
                fault = "receive buffer that is smaller than the header";
                return false;
            }
            chains[(first + count) % chains.length] = chain;
            count++;
            bytes += chainBytes;
        }
        return true;
    }

    /**
     * Lays the buffers out for the backend, as far as the largest packet and the number of elements allow.
     *
     * @return the bytes that were added
     */
    long addTo(ScatterList target) {
        long room = 0;
        for (int i = 0; i < count; i++) {
            ScatterView view = chain(i).writable();
            for (int j = 0; j < view.count(); j++) {
                long left = VirtioNetProtocol.PACKET_BYTES_MAX - room;
                // One element is left for the spare memory.
                if (left == 0 || target.count() == NetBackend.ELEMENTS_MAX - 1) {
                    return room;
                }
                long part = Math.min(view.lengthBytes(j), left);
                target.add(view.segment(j), view.offset(j), part);
                room += part;
            }
        }
        return room;
    }

    private DescriptorChain chain(int i) {
        return chains[(first + i) % chains.length];
    }

    /** Copies the rest of a packet from the start of other memory to its place in the buffers. */
    void copyIn(MemorySegment source, long position, long lengthBytes) {
        long done = 0;
        long chainStart = 0;
        for (int i = 0; done < lengthBytes; i++) {
            ScatterView view = chain(i).writable();
            long chainEnd = chainStart + view.totalBytes();
            long from = position + done;
            if (from < chainEnd) {
                long part = Math.min(lengthBytes - done, chainEnd - from);
                Scatters.copy(source, done, view, from - chainStart, part);
                done += part;
            }
            chainStart = chainEnd;
        }
    }

    /**
     * Hands the buffers that a packet is in back to the driver, all at once (5.1.6.4.1).
     *
     * @param packetBytes size of the packet, no more than {@link #bytes}
     */
    void deliver(long packetBytes) {
        int buffers = 0;
        long covered = 0;
        while (covered < packetBytes) {
            covered += chain(buffers).writable().totalBytes();
            buffers++;
        }
        ScatterView start = chain(0).writable();
        start.setByte(PacketHead.NUM_BUFFERS, (byte) buffers);
        start.setByte(PacketHead.NUM_BUFFERS + 1, (byte) (buffers >>> 8));
        long left = packetBytes;
        for (int i = 0; i < buffers; i++) {
            DescriptorChain chain = chain(0);
            long chainBytes = chain.writable().totalBytes();
            long used = Math.min(left, chainBytes);
            queue.fill(chain, used);
            left -= used;
            bytes -= chainBytes;
            first = (first + 1) % chains.length;
            count--;
        }
        queue.show();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The buffers of the receive queue that were taken from the driver and are not used yet, oldest first. One packet goes into
 * one buffer; data for several packets is read at once, each part to where its packet will be. Loop thread only; allocates
 * nothing once it is warm.
 */
final class ReceiveBuffers {
    private final Virtqueue queue;
    private final DescriptorChain[] chains;
    private int first;
    private int count;
    private long payloadBytes;
    private @Nullable String fault;

    ReceiveBuffers(Virtqueue queue) {
        this.queue = queue;
        this.chains = new DescriptorChain[queue.size()];
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Returns what the driver did wrong, or null. */
    @Nullable String fault() {
        return fault;
    }

    /**
     * Takes buffers until there is one, and room for so much data, or no more are available.
     *
     * @param wantedBytes of data; 0 for a packet without
     * @param buffersMax how many buffers there are to be at most
     */
    void fill(long wantedBytes, int buffersMax) {
        while (fault == null && (count == 0 || (payloadBytes < wantedBytes && count < buffersMax))) {
            PopOutcome outcome = queue.pop();
            if (outcome instanceof Malformed malformed) {
                fault = malformed.reason().description();
            }
            if (!(outcome instanceof DescriptorChain chain)) {
                return;
            }
            long chainBytes = chain.writable().totalBytes();
            if (chainBytes < PacketHeader.BYTES) {
                fault = "receive buffer that is smaller than the header";
                return;
            }
            chains[(first + count) % chains.length] = chain;
            count++;
            payloadBytes += chainBytes - PacketHeader.BYTES;
        }
    }

    /** Lists where data goes to, as far as so much and the number of pieces allow. */
    void listTo(ScatterList target, long limitBytes) {
        target.clear();
        long left = limitBytes;
        for (int i = 0; i < count && left > 0; i++) {
            ScatterView view = chains[(first + i) % chains.length].writable();
            if (target.count() + view.count() > VsockConnection.ELEMENTS_MAX && target.count() > 0) {
                return;
            }
            long part = Math.min(left, view.totalBytes() - PacketHeader.BYTES);
            target.addSlice(view, PacketHeader.BYTES, part);
            left -= part;
        }
    }

    /** Returns how much data the first buffer, which there is, has room for. */
    long firstPayloadBytes() {
        return chains[first].writable().totalBytes() - PacketHeader.BYTES;
    }

    /**
     * Makes a packet of the first buffer and hides it until {@link #show}; its data is in place.
     *
     * @param lengthBytes of data
     */
    void finish(PacketHeader header, int lengthBytes) {
        header.setLen(lengthBytes);
        header.write(chains[first].writable());
        end(PacketHeader.BYTES + lengthBytes);
    }

    /** Hands the first buffer back as it is. */
    void skip() {
        end(0);
    }

    private void end(int usedBytes) {
        DescriptorChain chain = chains[first];
        payloadBytes -= firstPayloadBytes();
        queue.fill(chain, usedBytes);
        first = (first + 1) % chains.length;
        count--;
    }

    /** Shows the driver the packets that were made. */
    void show() {
        queue.show();
    }
}

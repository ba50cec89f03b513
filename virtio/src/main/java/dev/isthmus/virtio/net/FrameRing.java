// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * Packets on their way from any number of threads to one: a bounded queue, without locks, of the packets' bytes in one
 * piece of memory.
 *
 * <pre>
 *             head                         tail
 *  blocks   … | packet | packet | claimed | free …
 *  lengths    | n 0 0  | n 0    | 0 0     | 0
 * </pre>
 *
 * <p>A sender claims blocks by moving the tail, copies, and shows the packet by writing its length to the entry of its
 * first block. The receiver takes packets in the order of claims, clears the entry and moves the head. Lengths are apart
 * from the bytes, so that no bytes of a guest can pass for one. A packet lies in one piece: the blocks that are left at
 * the end are skipped where they are too few.
 *
 * <p>A sender that stops between claim and copy holds up those behind it, but not their senders. Nothing allocates.
 */
final class FrameRing {
    static final int BLOCK_BYTES = 64;

    /** The length of blocks to skip up to the end. */
    private static final int SKIP = -1;

    private static final VarHandle TAIL;
    private static final VarHandle HEAD;
    private static final VarHandle LENGTHS = MethodHandles.arrayElementVarHandle(int[].class);

    static {
        try {
            TAIL = MethodHandles.lookup().findVarHandle(FrameRing.class, "tail", long.class);
            HEAD = MethodHandles.lookup().findVarHandle(FrameRing.class, "head", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final MemorySegment memory;
    private final int[] lengths;
    private final int mask;

    /** Blocks ever claimed. */
    private volatile long tail;

    /** Blocks ever given back. */
    private volatile long head;

    /**
     * Makes an empty ring.
     *
     * @param capacityBytes a power of 2, at least twice the largest packet
     */
    FrameRing(int capacityBytes) {
        if (Integer.bitCount(capacityBytes) != 1 || capacityBytes < 2 * VirtioNetProtocol.PACKET_BYTES_MAX) {
            throw new IllegalArgumentException("a ring's size is a power of 2 from 262144");
        }
        memory = Arena.ofAuto().allocate(capacityBytes, BLOCK_BYTES);
        lengths = new int[capacityBytes / BLOCK_BYTES];
        mask = lengths.length - 1;
    }

    /**
     * Adds a packet. Any thread; never waits.
     *
     * @param packet 1 to {@value VirtioNetProtocol#PACKET_BYTES_MAX} bytes
     * @return whether there was room
     */
    boolean offer(ScatterView packet) {
        int packetBytes = Math.toIntExact(packet.totalBytes());
        int blocks = (packetBytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
        long claimed;
        int skipped;
        do {
            // The head first: it can only have moved on since, to where there is more room. Acquire pairs with the
            // release in give back; without it we could overwrite what is still being read.
            long given = (long) HEAD.getAcquire(this);
            claimed = (long) TAIL.getVolatile(this);
            int left = lengths.length - (int) (claimed & mask);
            skipped = blocks > left ? left : 0;
            if (blocks + skipped > lengths.length - (claimed - given)) {
                return false;
            }
        } while (!TAIL.compareAndSet(this, claimed, claimed + skipped + blocks));
        int block = (int) (claimed & mask);
        if (skipped != 0) {
            LENGTHS.setRelease(lengths, block, SKIP);
            block = 0;
        }
        copyIn(packet, (long) block * BLOCK_BYTES);
        // Release pairs with the acquire in poll(): who sees the length sees the bytes.
        LENGTHS.setRelease(lengths, block, packetBytes);
        return true;
    }

    private void copyIn(ScatterView packet, long offset) {
        long done = 0;
        for (int i = 0; i < packet.count(); i++) {
            MemorySegment.copy(packet.segment(i), packet.offset(i), memory, offset + done, packet.lengthBytes(i));
            done += packet.lengthBytes(i);
        }
    }

    /**
     * Takes the oldest packet. The receiver's thread.
     *
     * @param target room for the largest packet
     * @return its size, or {@link NetBackend#NOTHING} where there is none that is complete
     */
    int poll(ScatterView target) {
        int packetBytes = next();
        if (packetBytes != NetBackend.NOTHING) {
            Scatters.copy(memory, (head & mask) * BLOCK_BYTES, target, 0, packetBytes);
            giveBack((packetBytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
        }
        return packetBytes;
    }

    /** Throws away what is complete. The receiver's thread. */
    void clear() {
        int packetBytes = next();
        while (packetBytes != NetBackend.NOTHING) {
            giveBack((packetBytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
            packetBytes = next();
        }
    }

    /** Returns the size of the packet at the head, passing over what is to be skipped; NOTHING where there is none. */
    private int next() {
        int length = (int) LENGTHS.getAcquire(lengths, (int) (head & mask));
        if (length == SKIP) {
            giveBack(lengths.length - (int) (head & mask));
            length = (int) LENGTHS.getAcquire(lengths, (int) (head & mask));
        }
        return length == 0 ? NetBackend.NOTHING : length;
    }

    private void giveBack(int blocks) {
        lengths[(int) (head & mask)] = 0;
        // Release: the entry is clear and the bytes are read before a sender may claim the blocks.
        HEAD.setRelease(this, head + blocks);
    }
}

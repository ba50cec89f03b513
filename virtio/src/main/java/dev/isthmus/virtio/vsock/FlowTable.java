// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.util.Objects;

import org.jspecify.annotations.Nullable;

/**
 * A device's connections: by their ports, and as a list of all. Those that linger are in the list only, because the guest
 * may use their ports again.
 *
 * <p>An open-addressed table with linear probing, at most half full, without tombstones: what follows a removed entry moves
 * up. Loop thread only; finding allocates nothing.
 */
final class FlowTable {
    /** 2^64 divided by the golden ratio, which spreads neighbouring ports. */
    private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

    private final @Nullable Flow[] slots;
    private final @Nullable Flow[] list;
    private int count;

    FlowTable(int connectionsMax) {
        slots = new Flow[2 * Integer.highestOneBit(2 * connectionsMax - 1)];
        list = new Flow[connectionsMax];
    }

    /** Returns how many there are. */
    int count() {
        return count;
    }

    boolean isFull() {
        return count == list.length;
    }

    /** Returns one of them, by its place in the list. */
    Flow at(int index) {
        return Objects.requireNonNull(list[Objects.checkIndex(index, count)]);
    }

    @Nullable Flow find(long guestPort, long hostPort) {
        int slot = home(guestPort, hostPort);
        Flow flow = slots[slot];
        while (flow != null && !(flow.guestPort == guestPort && flow.hostPort == hostPort)) {
            slot = next(slot);
            flow = slots[slot];
        }
        return flow;
    }

    /** Adds a connection whose ports are not in use; there is room. */
    void add(Flow flow) {
        int slot = home(flow.guestPort, flow.hostPort);
        while (slots[slot] != null) {
            slot = next(slot);
        }
        slots[slot] = flow;
        flow.listIndex = count;
        list[count++] = flow;
    }

    /** Removes a connection for good. */
    void remove(Flow flow) {
        freePorts(flow);
        count--;
        Flow moved = list[count];
        list[count] = null;
        if (moved != null && moved != flow) {
            list[flow.listIndex] = moved;
            moved.listIndex = flow.listIndex;
        }
    }

    /** Makes the ports of a connection free, which stays in the list; nothing where they are. */
    void freePorts(Flow flow) {
        int slot = home(flow.guestPort, flow.hostPort);
        while (slots[slot] != flow) {
            if (slots[slot] == null) {
                return;
            }
            slot = next(slot);
        }
        int hole = slot;
        slot = next(slot);
        Flow follower = slots[slot];
        while (follower != null) {
            int home = home(follower.guestPort, follower.hostPort);
            // It may move up to the hole unless its home lies behind that.
            if (distance(home, slot) >= distance(hole, slot)) {
                slots[hole] = follower;
                hole = slot;
            }
            slot = next(slot);
            follower = slots[slot];
        }
        slots[hole] = null;
    }

    private int distance(int from, int to) {
        return (to - from) & (slots.length - 1);
    }

    private int next(int slot) {
        return (slot + 1) & (slots.length - 1);
    }

    private int home(long guestPort, long hostPort) {
        long mixed = (guestPort << Integer.SIZE | hostPort) * SPREAD;
        return (int) (mixed >>> Integer.SIZE) & (slots.length - 1);
    }
}

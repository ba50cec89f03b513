// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import org.jspecify.annotations.Nullable;

/**
 * The nodes that the client knows: found by number and by what names the file on the host, counted as FUSE counts lookups,
 * and bounded.
 *
 * <pre>
 *  state     in                                   out
 *  known     enter (lookups 1)                    forget to 0 lookups, with no request using it
 *  kept      forget to 0 lookups, while in use    enter again; the last request ends
 *  closed    from both
 * </pre>
 *
 * <p>The root has number 1, and is always known. Any thread.
 */
final class NodeTable {
    private static final int INITIAL_BUCKETS = 64;

    private final SharedFolder folder;
    private final SlotTable<Node> nodes;
    private @Nullable Node[] buckets = new Node[INITIAL_BUCKETS];

    /**
     * Makes a table that holds the root.
     *
     * @param limit how many nodes there may be, the root included
     */
    NodeTable(SharedFolder folder, FileAttributes rootAttributes, int limit) {
        this.folder = folder;
        this.nodes = new SlotTable<>(limit);
        Node root = new Node(nodes.nextId(), folder.root(), rootAttributes);
        if (root.id != FuseProtocol.FUSE_ROOT_ID) {
            throw new IllegalStateException("The root is node " + root.id);
        }
        nodes.add(root);
        link(root);
    }

    /** Returns how many nodes there are, the root included. */
    synchronized int count() {
        return nodes.count();
    }

    /** Finds a node for a request, which must {@link #release} it; null where the client made the number up. */
    synchronized @Nullable Node acquire(long id) {
        Node node = nodes.get(id);
        if (node != null) {
            node.pins++;
        }
        return node;
    }

    /** A request has ended that {@link #acquire}d the node. */
    void release(Node node) {
        if (unpin(node)) {
            folder.closeNode(node.handle);
        }
    }

    private synchronized boolean unpin(Node node) {
        node.pins--;
        return removeIfUnused(node);
    }

    /**
     * Counts a lookup of a file that was found.
     *
     * @param handle the folder's, which the table keeps or closes
     * @param attributes of the file
     * @return its number, or 0 where there are too many nodes
     */
    long enter(long handle, FileAttributes attributes) {
        long id = enterIfNew(handle, attributes);
        if (id <= 0) {
            folder.closeNode(handle);
        }
        return Math.abs(id);
    }

    /** Returns the number, negated where the handle is not needed. */
    private synchronized long enterIfNew(long handle, FileAttributes attributes) {
        Node known = buckets[bucketOf(attributes.inode, attributes.device)];
        while (known != null && !known.matches(attributes)) {
            known = known.nextInBucket;
        }
        if (known != null) {
            known.lookups++;
            return -known.id;
        }
        long id = nodes.nextId();
        if (id < 0) {
            return 0;
        }
        Node node = new Node(id, handle, attributes);
        node.lookups = 1;
        nodes.add(node);
        link(node);
        return id;
    }

    /**
     * Takes lookups back.
     *
     * @param id any value; what is unknown is ignored
     * @param lookups how many, unsigned, any value
     */
    void forget(long id, long lookups) {
        Node closed = forgetIfKnown(id, lookups);
        if (closed != null) {
            folder.closeNode(closed.handle);
        }
    }

    private synchronized @Nullable Node forgetIfKnown(long id, long lookups) {
        Node node = nodes.get(id);
        if (node == null) {
            return null;
        }
        // A client that forgets more than it was told of has only itself to blame.
        node.lookups = Long.compareUnsigned(lookups, node.lookups) < 0 ? node.lookups - lookups : 0;
        return removeIfUnused(node) ? node : null;
    }

    /** Forgets all nodes but the root. */
    void clear() {
        for (int slot = 0; slot < slotsEnd(); slot++) {
            Node closed = forgetSlot(slot);
            if (closed != null) {
                folder.closeNode(closed.handle);
            }
        }
    }

    private synchronized int slotsEnd() {
        return nodes.slotsEnd();
    }

    private synchronized @Nullable Node forgetSlot(int slot) {
        Node node = nodes.inSlot(slot);
        if (node == null) {
            return null;
        }
        node.lookups = 0;
        return removeIfUnused(node) ? node : null;
    }

    /** Takes a node out that nobody needs; tells whether it did. */
    private boolean removeIfUnused(Node node) {
        if (node.lookups > 0 || node.pins > 0 || node.id == FuseProtocol.FUSE_ROOT_ID) {
            return false;
        }
        unlink(node);
        nodes.remove(node.id);
        return true;
    }

    private void link(Node node) {
        if (nodes.count() > buckets.length) {
            grow();
        }
        int bucket = bucketOf(node.inode, node.device);
        node.nextInBucket = buckets[bucket];
        buckets[bucket] = node;
    }

    private void unlink(Node node) {
        int bucket = bucketOf(node.inode, node.device);
        Node before = buckets[bucket];
        if (before == node) {
            buckets[bucket] = node.nextInBucket;
            return;
        }
        while (before != null && before.nextInBucket != node) {
            before = before.nextInBucket;
        }
        if (before != null) {
            before.nextInBucket = node.nextInBucket;
        }
    }

    private void grow() {
        @Nullable Node[] old = buckets;
        buckets = new Node[old.length * 2];
        for (Node first : old) {
            Node node = first;
            while (node != null) {
                Node next = node.nextInBucket;
                int bucket = bucketOf(node.inode, node.device);
                node.nextInBucket = buckets[bucket];
                buckets[bucket] = node;
                node = next;
            }
        }
    }

    private int bucketOf(long inode, long device) {
        // Inodes are often multiples of something; the multiplication spreads them (Fibonacci hashing).
        long hash = (inode ^ Long.rotateLeft(device, 32)) * 0x9e37_79b9_7f4a_7c15L;
        return (int) (hash >>> 32) & (buckets.length - 1);
    }
}

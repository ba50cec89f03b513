// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;

/**
 * The bottom halves that wait to be run: Vyukov's intrusive queue of many producers and one consumer.
 *
 * <pre>
 *   first ──▶ node ──▶ node ──▶ node ◀── last
 *   consumer                             producers swap themselves in here, then link from their predecessor
 * </pre>
 *
 * <p>{@link #push} is wait-free: one atomic swap and one store. Between the two, the queue is cut: {@link #poll} gives
 * null although nodes follow. That loses nothing, since a producer wakes the loop after it has linked its node.
 */
@SuppressWarnings("ReferenceEquality") // Nodes are places in the queue: the same or not.
final class BottomHalfQueue {
    /**
     * What a queue links; its value is the node's successor. In one queue at most, once at most: its owner sees to
     * that. It is an atomic reference rather than a field with a VarHandle, since linking those costs milliseconds of a
     * VM's start.
     */
    abstract static class Node extends AtomicReference<@Nullable Node> {
        private static final long serialVersionUID = 1L;
    }

    private static final class Stub extends Node {
        private static final long serialVersionUID = 1L;
    }

    private final Node stub = new Stub();
    private final AtomicReference<Node> last = new AtomicReference<>(stub);

    /** Consumer only. */
    private Node first = stub;

    /** Appends a node that is in no queue. Any thread, wait-free. */
    void push(Node node) {
        node.setPlain(null);
        Node previous = last.getAndSet(node);
        // Pairs with getAcquire in poll(): whoever sees the node sees what the producer wrote before.
        previous.setRelease(node);
    }

    /** Tells whether a node may be waiting. Consumer only. */
    boolean isEmpty() {
        return first == stub && last.get() == stub;
    }

    /** Takes the first node off, which may then be pushed again; null where there is none yet. Consumer only. */
    @Nullable Node poll() {
        Node head = first;
        Node next = head.getAcquire();
        if (head == stub) {
            if (next == null) {
                return null;
            }
            first = next;
            head = next;
            next = next.getAcquire();
        }
        if (next != null) {
            first = next;
            return head;
        }
        if (head != last.get()) {
            return null;
        }
        // The only node: put the stub behind it, so that it can leave while producers keep a predecessor to link from.
        push(stub);
        next = head.getAcquire();
        if (next == null) {
            return null;
        }
        first = next;
        return head;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** A number that one thread counts up and any thread reads, at the cost of a plain addition. */
public final class Counter {
    private static final VarHandle VALUE;

    static {
        try {
            VALUE = MethodHandles.lookup().findVarHandle(Counter.class, "value", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private long value;

    /** Starts at 0. */
    public Counter() {}

    /** Counts one. The owning thread only. */
    public void increment() {
        add(1);
    }

    /** Counts so many. The owning thread only. */
    public void add(long count) {
        // Opaque: never torn, and seen by readers before long; no order is promised.
        VALUE.setOpaque(this, value + count);
    }

    /** Returns the number. Any thread. */
    public long get() {
        return (long) VALUE.getOpaque(this);
    }
}

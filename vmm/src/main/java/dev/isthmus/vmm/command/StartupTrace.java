// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

/**
 * Where the time of one start goes: for {@code ISTHMUS_STARTUP_TRACE=1}, printed at the end, in milliseconds since the
 * exec, which {@code ISTHMUS_START_NANOS} tells in CLOCK_MONOTONIC (else since {@code main}). The launcher hands both on
 * as properties, since reading the environment costs time in a JVM. Main thread.
 */
final class StartupTrace {
    private static final String ENABLED_PROPERTY = "isthmus.startup.trace";
    private static final String START_PROPERTY = "isthmus.startup.nanos";
    private static final int CAPACITY = 16;

    private static final boolean ENABLED = System.getProperty(ENABLED_PROPERTY) != null;
    private static final String[] NAMES = new String[CAPACITY];
    private static final long[] NANOS = new long[CAPACITY];
    private static int count;

    private StartupTrace() {}

    /** Notes that something is done now. */
    static void mark(String name) {
        if (ENABLED && count < CAPACITY) {
            NAMES[count] = name;
            // HotSpot on Linux reads CLOCK_MONOTONIC.
            NANOS[count++] = System.nanoTime();
        }
    }

    /** Prints all marks, where that was asked for. */
    static void print() {
        if (!ENABLED || count == 0) {
            return;
        }
        String given = System.getProperty(START_PROPERTY);
        long start = given == null || given.isEmpty() ? NANOS[0] : Long.parseLong(given);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            long micros = (NANOS[i] - start) / 1000;
            text.append("  ").append(micros / 1000).append('.').append((micros % 1000) / 100);
            text.append(" ms  ").append(NAMES[i]).append('\n');
        }
        Messages.block(text.toString());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

import sun.misc.Signal;
import sun.misc.SignalHandler;

import dev.isthmus.block.image.Progress;
import dev.isthmus.machine.serial.HostTerminal;

/**
 * Long work's way to the user and back: one line on standard error that is written over and over, and signals, which end
 * the work early.
 *
 * <p>The JVM calls {@link #handle} on a thread of its own; all else is the main thread's.
 */
final class ImageProgress implements Progress, SignalHandler {
    private static final String[] NAMES = {"INT", "TERM", "HUP"};
    private static final int STDERR = 2;
    private static final long INTERVAL_NANOS = 200_000_000;

    /** Two are impatience: whatever hangs, the process ends. */
    private static final int IMPATIENT = 3;

    private final boolean shown;
    private long lastNanos;
    private boolean lineOpen;

    private volatile int signal;

    /** Guarded by this. */
    private int count;

    /** @param asked whether it is to be shown where there is no terminal, too */
    ImageProgress(boolean asked) {
        shown = asked || HostTerminal.isTerminal(STDERR);
        lastNanos = System.nanoTime();
    }

    /** Takes over the signals. */
    void install() {
        for (String name : NAMES) {
            try {
                Signal.handle(new Signal(name), this);
            } catch (IllegalArgumentException e) {
                // The JVM was started with -Xrs: the default action ends it.
            }
        }
    }

    /** Returns the number of the first signal that came, or 0. */
    int signal() {
        return signal;
    }

    @Override
    public void handle(Signal received) {
        synchronized (this) {
            if (count++ == 0) {
                signal = received.getNumber();
            }
            if (count < IMPATIENT) {
                return;
            }
        }
        Runtime.getRuntime().halt(ExitStatus.SIGNAL_BASE + received.getNumber());
    }

    @Override
    public void update(long doneBytes, long totalBytes) {
        if (!shown) {
            return;
        }
        long now = System.nanoTime();
        if (doneBytes < totalBytes && now - lastNanos < INTERVAL_NANOS) {
            return;
        }
        lastNanos = now;
        double percent = totalBytes == 0 ? 100 : 100.0 * doneBytes / totalBytes;
        Messages.progress(String.format(
                Locale.ROOT, "%5.1f %% of %s", percent, ImageSize.format(totalBytes)));
        lineOpen = true;
    }

    /** Ends the line, so that others may follow. */
    void finish() {
        if (lineOpen) {
            lineOpen = false;
            Messages.block("");
        }
    }

    @Override
    public boolean cancelled() {
        return signal != 0;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

import org.jspecify.annotations.Nullable;
import sun.misc.Signal;
import sun.misc.SignalHandler;

import dev.isthmus.block.Progress;
import dev.isthmus.machine.serial.HostTerminal;

/**
 * Long work's way to the user and back: one line on standard error that is written over and over, and signals, which end
 * the work early. Where it can't be ended without damage, the user is told that it goes on.
 *
 * <p>The JVM calls {@link #handle} on a thread of its own; all else is the main thread's.
 */
final class ImageProgress implements Progress, SignalHandler {
    private static final String[] NAMES = {"INT", "TERM", "HUP"};
    private static final int STDERR = 2;
    private static final long INTERVAL_NANOS = 200_000_000;

    /** Two are impatience: whatever hangs, the process ends. */
    private static final int IMPATIENT = 3;

    /** As long as the removal of files may take then. */
    private static final long REMOVAL_MILLIS = 2000;

    private final boolean shown;
    private final boolean goesOn;
    private long lastNanos;
    private boolean lineOpen;

    private volatile int signal;

    /** Guarded by this. */
    private int count;

    private volatile @Nullable CommandFolder folder;

    /**
     * Makes one.
     *
     * @param asked whether it is to be shown where there is no terminal, too
     * @param goesOn whether the work can't be ended early
     */
    ImageProgress(boolean asked, boolean goesOn) {
        this.goesOn = goesOn;
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

    /** Says where files are made that nobody is to find should the process end at once. */
    void removeFrom(CommandFolder made) {
        folder = made;
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
                if (goesOn) {
                    Messages.line("the image would be damaged: this ends as soon as it is sound");
                }
            }
            if (count < IMPATIENT) {
                return;
            }
        }
        removeMade();
        Runtime.getRuntime().halt(ExitStatus.SIGNAL_BASE + received.getNumber());
    }

    /** On a thread of its own, since whatever hangs may have this hang as well. */
    private void removeMade() {
        CommandFolder made = folder;
        if (made == null) {
            return;
        }
        Thread removal = Thread.ofPlatform().daemon(true).start(made::removeMade);
        try {
            removal.join(REMOVAL_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
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

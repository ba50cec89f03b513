// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.device;

import java.util.concurrent.atomic.AtomicIntegerArray;

import dev.isthmus.device.MsixVectors;

/** Counts the messages of each vector. All vectors can be had, and none is masked, unless a test says so. Any thread. */
public final class FakeMsixVectors implements MsixVectors {
    private final AtomicIntegerArray signals;
    private volatile boolean enabled;
    private volatile int claimable;
    private volatile int clears;

    /** Makes vectors that are not enabled. */
    public FakeMsixVectors(int count) {
        signals = new AtomicIntegerArray(count);
        claimable = count;
    }

    /** Enables or disables MSI-X, as a driver does in configuration space. */
    public void setEnabled(boolean newEnabled) {
        enabled = newEnabled;
    }

    /** Says how many vectors can be had, the first ones. */
    public void setClaimable(int count) {
        claimable = count;
    }

    @Override
    public int count() {
        return signals.length();
    }

    @Override
    public boolean enabled() {
        return enabled;
    }

    @Override
    public boolean claim(int vector) {
        return vector < claimable;
    }

    @Override
    public void signal(int vector) {
        if (enabled) {
            signals.incrementAndGet(vector);
        }
    }

    @Override
    public synchronized void clearPending() {
        clears++;
    }

    /** Returns how often pending bits were cleared. */
    public int clears() {
        return clears;
    }

    /** Returns how many messages a vector has sent since the last call. */
    public int takeSignals(int vector) {
        return signals.getAndSet(vector, 0);
    }
}

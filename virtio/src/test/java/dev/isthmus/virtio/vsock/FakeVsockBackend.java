// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A host in the hands of a test. */
final class FakeVsockBackend implements VsockBackend {
    private @Nullable Listener listener;

    /** Ports that programs listen at. */
    final Set<Long> listening = new HashSet<>();

    /** All ends of connections that there were. */
    final List<FakeVsockConnection> connections = new ArrayList<>();

    boolean started;

    FakeVsockConnection last() {
        return connections.getLast();
    }

    /** Has a program connect to the guest. */
    boolean connectToGuest(FakeVsockConnection connection, long guestPort) {
        boolean taken = Objects.requireNonNull(listener).incoming(connection, guestPort);
        if (taken) {
            connections.add(connection);
        }
        return taken;
    }

    @Override
    public void attach(Listener newListener) {
        assertTrue(listener == null);
        listener = newListener;
    }

    @Override
    public void start(EventLoop loop) {
        assertFalse(started);
        started = true;
    }

    @Override
    public void stop() {
        assertTrue(started);
        started = false;
        for (FakeVsockConnection connection : connections) {
            assertTrue(connection.closed);
        }
    }

    @Override
    public @Nullable VsockConnection connect(long hostPort) {
        assertTrue(started);
        if (!listening.contains(hostPort)) {
            return null;
        }
        FakeVsockConnection connection = new FakeVsockConnection();
        connections.add(connection);
        return connection;
    }
}

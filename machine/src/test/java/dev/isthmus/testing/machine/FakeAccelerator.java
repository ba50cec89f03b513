// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.accel.MsiRoute;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.cpu.CpuidEntry;
import dev.isthmus.memory.MemoryRegion;

/**
 * An accelerator without a guest: keeps interrupts and notifiers for the test to see. Any thread.
 */
public final class FakeAccelerator implements Accelerator {
    private static final int GSIS = 24;
    private static final int ENOSPC = 28;

    private final boolean[] levels = new boolean[GSIS];
    private final List<Route> routes = new CopyOnWriteArrayList<>();
    private final Map<Long, EventFd> notifiers = new ConcurrentHashMap<>();
    private volatile int routesLeft = Integer.MAX_VALUE;
    private volatile int notifiersMax = Integer.MAX_VALUE;

    /** Makes an accelerator with all lines low. */
    public FakeAccelerator() {}

    /** A message-signalled interrupt that counts. */
    public static final class Route implements MsiRoute {
        private long address;
        private int data;
        private boolean closed;
        private int signals;
        private int sets;

        @Override
        public synchronized boolean set(long newAddress, int newData) {
            address = newAddress;
            data = newData;
            sets++;
            return newAddress >>> 20 == 0xfee;
        }

        @Override
        public synchronized void signal() {
            if (closed) {
                throw new IllegalStateException("A closed route was signalled");
            }
            signals++;
        }

        @Override
        public synchronized void close() {
            closed = true;
        }

        /** Returns where the message goes. */
        public synchronized long address() {
            return address;
        }

        /** Returns the message. */
        public synchronized int data() {
            return data;
        }

        /** Tells whether the route was given back. */
        public synchronized boolean closed() {
            return closed;
        }

        /** Returns how often the message was sent since the last call. */
        public synchronized int takeSignals() {
            int taken = signals;
            signals = 0;
            return taken;
        }

        /** Returns how often a message was set. */
        public synchronized int sets() {
            return sets;
        }
    }

    /** Says how many more message-signalled interrupts there are. */
    public void setRoutesLeft(int count) {
        routesLeft = count;
    }

    /** Says how many notifiers there may be at a time. */
    public void setNotifiersMax(int count) {
        notifiersMax = count;
    }

    /** Returns the message-signalled interrupts that were made. */
    public List<Route> routes() {
        return List.copyOf(routes);
    }

    /** Returns the level of a line. */
    public synchronized boolean level(int gsi) {
        return levels[gsi];
    }

    /** Returns the addresses whose writes notify, ascending. */
    public List<Long> notifiedGpas() {
        List<Long> gpas = new ArrayList<>(notifiers.keySet());
        gpas.sort(null);
        return gpas;
    }

    /** Writes to an address as the guest does; answers whether somebody was notified. */
    public boolean write(long gpa) {
        EventFd notified = notifiers.get(gpa);
        if (notified != null) {
            notified.signal();
        }
        return notified != null;
    }

    @Override
    public synchronized void setIrqLevel(int gsi, boolean asserted) {
        levels[gsi] = asserted;
    }

    @Override
    public void attachNotifier(EventFd notified, long gpa) {
        if (notifiers.size() >= notifiersMax) {
            throw new ErrnoException("KVM_IOEVENTFD", "", ENOSPC);
        }
        if (notifiers.putIfAbsent(gpa, notified) != null) {
            throw new IllegalStateException("Two notifiers at one address");
        }
    }

    @Override
    public void detachNotifier(EventFd notified, long gpa) {
        if (!notifiers.remove(gpa, notified)) {
            throw new IllegalStateException("Not attached");
        }
    }

    @Override
    public synchronized MsiRoute newMsiRoute() {
        if (routesLeft == 0) {
            throw new VmException.HostFault("There is no interrupt left.", "Wait.");
        }
        routesLeft--;
        Route route = new Route();
        routes.add(route);
        return route;
    }

    @Override
    public void attachNotifier(EventFd notified, long gpa, int sizeBytes, long value) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void attachIrq(EventFd trigger, int gsi) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean interpretsKernelCode() {
        return false;
    }

    @Override
    public int maxVcpus() {
        return 1;
    }

    @Override
    public boolean hasTscDeadlineTimer() {
        return false;
    }

    @Override
    public CpuidEntry[] supportedCpuid() {
        return new CpuidEntry[0];
    }

    @Override
    public void addRam(MemoryRegion region) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void addTimer() {
        throw new UnsupportedOperationException();
    }

    @Override
    public Vcpu createVcpu(int index) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void resetToPowerOn() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}

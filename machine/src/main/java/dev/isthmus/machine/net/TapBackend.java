// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.StatisticsSink;
import dev.isthmus.virtio.net.SendOutcome;

/**
 * A tap: the guest's frames go to and come from a network interface of the host, with the header of virtio-net, so that
 * checksums and segmentation are left to whoever does them last.
 *
 * <p>Where the tap is deleted, the link goes down for good. While the host's side is merely down, what the guest sends is
 * dropped.
 *
 * <p>Threads are those of {@link dev.isthmus.virtio.net.NetBackend}. Allocates nothing in steady state.
 */
public final class TapBackend implements HostNetBackend {
    private final TapQueue[] queues;
    private final String interfaceName;
    private final long offloads;
    private final FaultLog faults;
    private final LinkState link = new LinkState(true);
    private final Counter refused = new Counter();
    private @Nullable Listener listener;
    private @Nullable EventLoop loop;

    /**
     * Takes over queues.
     *
     * @param taps the queues, all of one tap, attached
     * @param offloads what the kernel can do
     * @param name how log messages call the network
     */
    TapBackend(List<TapFd> taps, long offloads, String name) {
        this.queues = new TapQueue[taps.size()];
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new TapQueue(taps.get(i), i, this);
        }
        this.interfaceName = taps.getFirst().name();
        this.offloads = offloads;
        this.faults = new FaultLog(name);
    }

    /**
     * Opens a tap, which is made where there is none of the name, and sets its host's side up.
     *
     * @param options which and how
     * @param name how log messages call the network, such as "net 0"
     * @throws dev.isthmus.machine.VmException if that is not possible; the host is as before then
     */
    public static TapBackend open(TapOptions options, String name) {
        return TapSetup.open(options, name);
    }

    /**
     * Takes over queues of a tap that somebody else has opened and set up, such as the program that started this one. They
     * must have been opened with {@code IFF_TAP | IFF_NO_PI | IFF_VNET_HDR}.
     *
     * @param descriptors their numbers, one for each queue pair
     * @param name how log messages call the network, such as "net 0"
     * @throws dev.isthmus.machine.VmException if they are not fit for it; they are not taken over then
     */
    public static TapBackend inherit(List<Integer> descriptors, String name) {
        return TapSetup.inherit(descriptors, name);
    }

    /** Returns the interface's name when it was opened. Any thread. */
    public String interfaceName() {
        return interfaceName;
    }

    @Override
    public String description() {
        return "tap " + interfaceName;
    }

    @Override
    public int queuePairs() {
        return queues.length;
    }

    @Override
    public long offloads() {
        return offloads;
    }

    @Override
    public boolean linkUp() {
        return link.up();
    }

    @Override
    public void attach(Listener newListener) {
        listener = newListener;
        link.attach(newListener);
    }

    Listener listener() {
        return Objects.requireNonNull(listener);
    }

    @Override
    public void start(EventLoop newLoop) {
        loop = newLoop;
        link.open(newLoop);
        setGuestOffloads(0);
        setActivePairs(1);
        for (TapQueue queue : queues) {
            queue.start();
        }
    }

    @Override
    public void stop() {
        for (TapQueue queue : queues) {
            queue.stop();
        }
    }

    @Override
    public void setGuestOffloads(long guestOffloads) {
        if (!link.up()) {
            return;
        }
        try {
            if (!queues[0].tap().setOffloads(TapOffloads.kernelBits(guestOffloads))) {
                faults.report("TUNSETOFFLOAD: the kernel does not do what it offered");
            }
        } catch (ErrnoException e) {
            gone(e.errno());
        }
    }

    @Override
    public void setActivePairs(int pairs) {
        for (int i = 0; i < queues.length && link.up(); i++) {
            try {
                queues[i].setAttached(i < pairs, loop);
            } catch (ErrnoException e) {
                queueFailed(e);
            }
        }
    }

    private void queueFailed(ErrnoException e) {
        if (e.errno() == Errno.EBADFD) {
            gone(e.errno());
        } else {
            // The others have its packets then.
            faults.report(e.getMessage());
        }
    }

    @Override
    public SendOutcome send(int pair, ScatterView packet) {
        if (!link.up()) {
            return SendOutcome.GONE;
        }
        SendOutcome outcome = queues[pair].send(packet);
        if (outcome == SendOutcome.REFUSED) {
            refused.increment();
        }
        return outcome;
    }

    @Override
    public int receive(int pair, ScatterView target) {
        return link.up() ? queues[pair].receive(target) : NOTHING;
    }

    @Override
    public void setReceiving(int pair, boolean on) {
        queues[pair].setReceiving(on);
    }

    /** The tap was deleted, or fails for another reason that will not pass. */
    void gone(int errno) {
        if (!link.up()) {
            return;
        }
        closeWatches();
        link.set(false);
        // A reader that the deletion wakes up gets EFAULT, and who comes later EBADFD.
        boolean deleted = errno == Errno.EBADFD || errno == Errno.EFAULT;
        String reason = deleted ? "was deleted" : "fails with " + Errno.name(errno);
        faults.report("tap " + interfaceName + " " + reason + ": the guest's link is down");
    }

    private void closeWatches() {
        for (TapQueue queue : queues) {
            queue.closeWatch();
        }
    }

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("tap_refused", refused.get());
    }

    @Override
    public void close() {
        LinkState.onLoop(loop, this::closeWatches);
        for (TapQueue queue : queues) {
            queue.close();
        }
    }
}

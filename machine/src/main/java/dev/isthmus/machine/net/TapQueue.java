// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.kvm.linux.VectorIo;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.SendOutcome;

/**
 * One queue pair of a tap: packets go by one readv or writev each, straight between the guest's memory and the kernel.
 *
 * <p>The watch stays open while no driver runs, and for reading: without that, epoll tells nothing of a tap that is
 * deleted.
 *
 * <p>Loop thread, once it is started; allocates nothing in steady state.
 */
final class TapQueue implements FdWatch.Callback, AutoCloseable {
    /** More packets than wait in a tap by default (its txqueuelen). */
    private static final int STALE_PACKETS_MAX = 4096;

    /** Enough for a header, which is what the kernel insists on; the rest of a packet is dropped. */
    private static final int STALE_BYTES = 64;

    private final TapFd tap;
    private final int pair;
    private final TapBackend owner;
    private final IoVectors vectors = new IoVectors(NetBackend.ELEMENTS_MAX);
    private final MemorySegment stale = Arena.ofAuto().allocate(STALE_BYTES);
    private @Nullable FdWatch watch;
    private int interest;
    private boolean attached = true;
    private boolean started;
    private boolean receiving;

    TapQueue(TapFd tap, int pair, TapBackend owner) {
        this.tap = tap;
        this.pair = pair;
        this.owner = owner;
    }

    TapFd tap() {
        return tap;
    }

    /** Has packets come to this queue from now on, or to others. */
    void setAttached(boolean newAttached, @Nullable EventLoop loop) {
        if (attached != newAttached) {
            if (!newAttached) {
                closeWatch();
            }
            tap.setAttached(newAttached);
            attached = newAttached;
        }
        if (newAttached && watch == null && loop != null) {
            dropStale();
            interest = FdWatch.READABLE;
            watch = loop.watch(tap.fd().number(), interest, this);
        }
    }

    /** A driver is there: packets that come from now on are for it. */
    void start() {
        dropStale();
        started = true;
        receiving = true;
        setInterest(FdWatch.READABLE);
    }

    /** The driver is gone: what comes is dropped. */
    void stop() {
        started = false;
        setInterest(FdWatch.READABLE);
    }

    private void dropStale() {
        vectors.clear();
        vectors.add(stale);
        int dropped = 0;
        while (dropped < STALE_PACKETS_MAX && VectorIo.readv(tap.fd(), vectors) > 0) {
            dropped++;
        }
        vectors.clear();
    }

    void setReceiving(boolean on) {
        receiving = on;
        if (on) {
            // Switched off only when something comes: most pauses end before that.
            setInterest(interest | FdWatch.READABLE);
        }
    }

    private void setInterest(int newInterest) {
        if (watch != null && interest != newInterest) {
            interest = newInterest;
            watch.setInterest(newInterest);
        }
    }

    @Override
    public void ready(int ready) {
        if ((ready & ~interest) != 0 && tap.isDetached()) {
            owner.gone(Errno.EBADFD);
            return;
        }
        int asked = ready & interest;
        if ((asked & FdWatch.WRITABLE) != 0) {
            setInterest(interest & ~FdWatch.WRITABLE);
            owner.listener().writable(pair);
        }
        if ((asked & FdWatch.READABLE) != 0) {
            if (!started) {
                dropStale();
            } else if (receiving) {
                owner.listener().readable(pair);
            } else {
                setInterest(interest & ~FdWatch.READABLE);
            }
        }
    }

    int receive(ScatterView target) {
        fill(target);
        long result = VectorIo.readv(tap.fd(), vectors);
        vectors.clear();
        if (result > 0) {
            return (int) result;
        }
        if (result != -Errno.EAGAIN && attached) {
            owner.gone((int) -result);
        }
        return NetBackend.NOTHING;
    }

    SendOutcome send(ScatterView packet) {
        fill(packet);
        long result = VectorIo.writev(tap.fd(), vectors);
        vectors.clear();
        if (result >= 0) {
            return SendOutcome.TAKEN;
        }
        if (result == -Errno.EAGAIN) {
            setInterest(interest | FdWatch.WRITABLE);
            return SendOutcome.FULL;
        }
        if (result == -Errno.EBADFD && attached) {
            owner.gone(Errno.EBADFD);
            return SendOutcome.GONE;
        }
        // EIO where the interface is down, EINVAL for headers that the kernel does not take, ENOMEM.
        return SendOutcome.REFUSED;
    }

    private void fill(ScatterView view) {
        vectors.clear();
        int count = view.count();
        for (int i = 0; i < count; i++) {
            vectors.add(view.segment(i), view.offset(i), view.lengthBytes(i));
        }
    }

    void closeWatch() {
        if (watch != null) {
            watch.close();
            watch = null;
        }
        interest = 0;
    }

    /** Gives the descriptor back; its watch is closed, or its loop has ended. */
    @Override
    public void close() {
        tap.close();
    }
}

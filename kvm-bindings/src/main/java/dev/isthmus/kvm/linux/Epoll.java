// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * An epoll instance with room for the events of one wait.
 *
 * <p>Any thread may add, modify and remove descriptors; one thread waits and reads the events, which stay
 * valid until its next wait.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/epoll.7.html">epoll(7)</a>
 */
public final class Epoll implements AutoCloseable {
    /** There is something to read. */
    public static final int EPOLLIN = 0x1;

    /** Writing is possible. */
    public static final int EPOLLOUT = 0x4;

    /** The descriptor failed; reported whether asked for or not. */
    public static final int EPOLLERR = 0x8;

    /** The peer closed; reported whether asked for or not. */
    public static final int EPOLLHUP = 0x10;

    /** The peer of a stream socket closed its writing side. */
    public static final int EPOLLRDHUP = 0x2000;

    /** Edge-triggered: reports a change once. */
    public static final int EPOLLET = 1 << 31;

    /** A timeout for ever. */
    public static final long FOREVER = -1;

    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private final Fd fd;
    private final int maxEvents;
    private final long eventsAddress;

    /** A view of native memory that it keeps alive. */
    private final ByteBuffer events;

    private int count;

    private Epoll(Fd fd, int maxEvents) {
        this.fd = fd;
        this.maxEvents = maxEvents;
        MemorySegment memory =
                Arena.ofAuto().allocate((long) maxEvents * Linux.SIZEOF_epoll_event(), Long.BYTES);
        this.eventsAddress = memory.address();
        this.events = memory.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /**
     * A new instance.
     *
     * @param maxEvents how many events one wait reports at most, 1 to 4096
     */
    public static Epoll create(int maxEvents) {
        if (maxEvents < 1 || maxEvents > 4096) {
            throw new IllegalArgumentException("maxEvents " + maxEvents + " is not in 1 to 4096");
        }
        long result = Syscall.call(Linux.__NR_epoll_create1(), Linux.EPOLL_CLOEXEC());
        if (result < 0) {
            throw ErrnoException.of("epoll_create1", "", result);
        }
        return new Epoll(Fd.owning((int) result), maxEvents);
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /**
     * Watches a descriptor.
     *
     * @param watched the descriptor
     * @param interest a set of {@code EPOLL…} bits
     * @param data what {@link #data} answers for its events
     */
    public void add(Fd watched, int interest, long data) {
        control(Linux.EPOLL_CTL_ADD(), "EPOLL_CTL_ADD", watched, interest, data);
    }

    /** Changes what a watched descriptor is watched for, and its data. */
    public void modify(Fd watched, int interest, long data) {
        control(Linux.EPOLL_CTL_MOD(), "EPOLL_CTL_MOD", watched, interest, data);
    }

    /** Watches a descriptor no longer. Events already waited for may still name it. */
    public void remove(Fd watched) {
        control(Linux.EPOLL_CTL_DEL(), "EPOLL_CTL_DEL", watched, 0, 0);
    }

    private void control(int operation, String name, Fd watched, int interest, long data) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer event = memory.scratch();
        event.putInt(Linux.OFFSETOF_epoll_event_events(), interest);
        event.putLong(Linux.OFFSETOF_epoll_event_data(), data);
        long result =
                Syscall.call(
                        Linux.__NR_epoll_ctl(),
                        fd.number(),
                        operation,
                        watched.number(),
                        memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("epoll_ctl", name + ", " + watched, result);
        }
    }

    /**
     * Waits until a watched descriptor is ready, the time is over, or a signal comes.
     *
     * @param timeoutNanos how long to wait at most in nanoseconds; 0 asks without waiting, negative is
     *     {@link #FOREVER}
     * @return the number of events, 0 after a timeout or a signal
     */
    public int await(long timeoutNanos) {
        long timeoutAddress = 0;
        if (timeoutNanos >= 0) {
            ThreadMemory memory = ThreadMemory.current();
            ByteBuffer timeout = memory.scratch();
            timeout.putLong(Linux.OFFSETOF_timespec_tv_sec(), timeoutNanos / NANOS_PER_SECOND);
            timeout.putLong(Linux.OFFSETOF_timespec_tv_nsec(), timeoutNanos % NANOS_PER_SECOND);
            timeoutAddress = memory.scratchAddress();
        }
        count = 0;
        long result =
                Syscall.call(
                        Linux.__NR_epoll_pwait2(),
                        fd.number(),
                        eventsAddress,
                        maxEvents,
                        timeoutAddress,
                        0,
                        0);
        if (result == -Errno.EINTR) {
            return 0;
        }
        if (result < 0) {
            throw ErrnoException.of("epoll_pwait2", "timeout " + timeoutNanos + " ns", result);
        }
        count = (int) result;
        return count;
    }

    /** What the descriptor of an event was watched with; {@code index} counts from 0 within the last wait. */
    public long data(int index) {
        return events.getLong(offset(index) + Linux.OFFSETOF_epoll_event_data());
    }

    /** The {@code EPOLL…} bits of an event; {@code index} counts from 0 within the last wait. */
    public int events(int index) {
        return events.getInt(offset(index) + Linux.OFFSETOF_epoll_event_events());
    }

    private int offset(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index);
        }
        return index * Linux.SIZEOF_epoll_event();
    }

    /** Closes the descriptor; does nothing the second time. No thread may be waiting. */
    @Override
    public void close() {
        fd.close();
    }
}

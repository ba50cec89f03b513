// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.UnixSocket;

/**
 * Takes programs in that connect to a {@link UnixVsock} and reads where they want to. A bounded number may be about to say
 * so, for a bounded time; others wait to be accepted. Loop thread only.
 */
final class Acceptor implements AutoCloseable {
    /** Programs that have not said yet where they want to. */
    static final int ASKED_MAX = 64;

    /** How long they have. */
    static final long PATIENCE_NANOS = 10_000_000_000L;

    /** How often that is looked at, and how long nobody is accepted after an error, such as too many open files. */
    private static final long TICK_NANOS = 1_000_000_000L;

    /** Programs that are accepted at once before other work of the loop. */
    private static final int ROUND_MAX = 16;

    /** Where a program goes that has said so. */
    interface Asked {
        /** Takes a connection, whose line was read. */
        void wants(Fd fd, long guestPort);
    }

    private final UnixSocket socket;
    private final EventLoop loop;
    private final MemorySegment scratch;
    private final FaultLog faults;
    private final Asked asked;
    private final List<Applicant> applicants = new ArrayList<>();
    private final LoopTimer timer;
    private final FdWatch watch;
    private boolean accepting = true;
    private boolean closed;

    Acceptor(UnixSocket socket, EventLoop loop, MemorySegment scratch, FaultLog faults, Asked asked) {
        this.socket = socket;
        this.loop = loop;
        this.scratch = scratch;
        this.faults = faults;
        this.asked = asked;
        this.timer = loop.newTimer(this::tick);
        this.watch = loop.watch(socket.fd().number(), FdWatch.READABLE, this::accept);
    }

    private void accept(int ready) {
        for (int i = 0; i < ROUND_MAX && accepting; i++) {
            Fd fd;
            try {
                fd = socket.accept();
            } catch (ErrnoException e) {
                faults.report(e.getMessage());
                setAccepting(false);
                break;
            }
            if (fd == null) {
                break;
            }
            applicants.add(new Applicant(fd));
            setAccepting(applicants.size() < ASKED_MAX);
        }
        arm();
    }

    private void setAccepting(boolean on) {
        if (on != accepting) {
            accepting = on;
            watch.setInterest(on ? FdWatch.READABLE : 0);
        }
    }

    private void arm() {
        if (!closed && (!applicants.isEmpty() || !accepting)) {
            timer.arm(loop.nanoTime() + TICK_NANOS);
        }
    }

    private void tick() {
        long now = loop.nanoTime();
        for (int i = applicants.size() - 1; i >= 0; i--) {
            if (now - applicants.get(i).deadlineNanos >= 0) {
                applicants.get(i).refuse();
            }
        }
        setAccepting(applicants.size() < ASKED_MAX);
        arm();
    }

    /** Sends those away who have not said where they want to; the socket stays. */
    @Override
    public void close() {
        closed = true;
        timer.cancel();
        watch.close();
        for (int i = applicants.size() - 1; i >= 0; i--) {
            applicants.get(i).refuse();
        }
    }

    /** A program that is about to say where it wants to. */
    private final class Applicant implements FdWatch.Callback {
        final long deadlineNanos = loop.nanoTime() + PATIENCE_NANOS;
        private final Fd fd;
        private final ConnectLine line = new ConnectLine();
        private final FdWatch inputWatch;

        Applicant(Fd fd) {
            this.fd = fd;
            this.inputWatch = loop.watch(fd.number(), FdWatch.READABLE, this);
        }

        @Override
        public void ready(int ready) {
            long port = ConnectLine.INCOMPLETE;
            while (port == ConnectLine.INCOMPLETE) {
                int value = read();
                if (value == StreamIo.WOULD_BLOCK) {
                    return;
                }
                port = value == StreamIo.END_OF_STREAM ? ConnectLine.INVALID : line.put(value);
            }
            if (port == ConnectLine.INVALID) {
                refuse();
            } else {
                leave();
                asked.wants(fd, port);
            }
        }

        /** Reads a byte, or tells with StreamIo's constants that there is none. */
        private int read() {
            int count;
            try {
                count = StreamIo.read(fd, scratch.asSlice(0, 1));
            } catch (ErrnoException e) {
                faults.report(e.getMessage());
                return StreamIo.END_OF_STREAM;
            }
            return count == 1 ? Byte.toUnsignedInt(scratch.get(ValueLayout.JAVA_BYTE, 0)) : count;
        }

        private void leave() {
            inputWatch.close();
            applicants.remove(this);
            if (!closed) {
                setAccepting(true);
            }
        }

        void refuse() {
            leave();
            fd.close();
        }
    }
}

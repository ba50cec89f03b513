// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.StreamEnds;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.VectorIo;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.vsock.VsockConnection;

/**
 * One connected Unix socket. Loop thread only; reading, writing and watching allocate nothing.
 *
 * <p>It is always under watch: epoll tells of a hang-up whether it is asked for anything or not. Once it has, the watch
 * ends, because it would tell so for ever.
 */
final class UnixVsockConnection implements VsockConnection, FdWatch.Callback {
    private final Fd fd;
    private final EventLoop loop;
    private final IoVectors vectors;
    private final MemorySegment line;
    private @Nullable Events events;
    private @Nullable FdWatch watch;
    private int interest;
    private boolean closed;

    /**
     * Makes one that watches nothing yet.
     *
     * @param fd connected; this one's from now on
     * @param vectors shared with others, for one call at a time
     * @param line native memory for a {@link ConnectLine}'s answer, shared as well
     */
    UnixVsockConnection(Fd fd, EventLoop loop, IoVectors vectors, MemorySegment line) {
        this.fd = fd;
        this.loop = loop;
        this.vectors = vectors;
        this.line = line;
    }

    @Override
    public void attach(Events newEvents) {
        events = newEvents;
        watch = loop.watch(fd.number(), 0, this);
    }

    @Override
    public void ready(int ready) {
        Events told = events;
        if (told == null || closed) {
            return;
        }
        if ((ready & ~interest) != 0 && StreamEnds.hungUp(fd)) {
            endWatch();
            told.hungUp();
            return;
        }
        // What is asked for may have changed since epoll looked.
        if ((ready & interest & FdWatch.WRITABLE) != 0) {
            told.writable();
        }
        if ((ready & interest & FdWatch.READABLE) != 0 && !closed) {
            told.readable();
        }
    }

    @Override
    public boolean opened(long hostPort) {
        int length = ConnectLine.writeAnswer(line, hostPort);
        try {
            // Nothing was written before, so that it fits.
            return StreamIo.write(fd, line.asSlice(0, length)) == length;
        } catch (ErrnoException e) {
            return false;
        }
    }

    @Override
    public int read(ScatterView target) {
        gather(target);
        long result = VectorIo.readv(fd, vectors);
        vectors.clear();
        if (result > 0) {
            return (int) result;
        }
        return result == 0 ? END_OF_STREAM : result == -Errno.EAGAIN ? WOULD_BLOCK : BROKEN;
    }

    @Override
    public int write(ScatterView source) {
        gather(source);
        long result = VectorIo.writev(fd, vectors);
        vectors.clear();
        if (result > 0) {
            return (int) result;
        }
        // The JVM ignores SIGPIPE.
        return result == -Errno.EAGAIN ? WOULD_BLOCK : BROKEN;
    }

    private void gather(ScatterView pieces) {
        vectors.clear();
        int count = Math.min(pieces.count(), ELEMENTS_MAX);
        for (int i = 0; i < count; i++) {
            vectors.add(pieces.segment(i), pieces.offset(i), pieces.lengthBytes(i));
        }
    }

    @Override
    public void watch(boolean readable, boolean writable) {
        interest = (readable ? FdWatch.READABLE : 0) | (writable ? FdWatch.WRITABLE : 0);
        if (watch != null) {
            watch.setInterest(interest);
        }
    }

    @Override
    public void endOutput() {
        StreamEnds.endSending(fd);
    }

    @Override
    public void endInput() {
        StreamEnds.endReceiving(fd);
    }

    @Override
    public void close() {
        closed = true;
        endWatch();
        fd.close();
    }

    private void endWatch() {
        if (watch != null) {
            watch.close();
            watch = null;
        }
    }
}

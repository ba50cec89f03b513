// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.Epoll;
import dev.isthmus.kvm.linux.Fd;

/** A descriptor under watch by an {@link IoThread}. Loop thread only. */
final class LoopWatch implements FdWatch {
    private static final int BOTH = READABLE | WRITABLE;

    private final IoThread loop;
    private final Fd fd;
    private final Callback callback;
    private long key;
    private boolean open;

    LoopWatch(IoThread loop, int fd, Callback callback) {
        this.loop = loop;
        // The descriptor stays the caller's: this one is never closed.
        this.fd = Fd.owning(fd);
        this.callback = callback;
    }

    void open(long key, int interest) {
        this.key = key;
        loop.epoll().add(fd, epollBits(interest), key);
        open = true;
    }

    @Override
    public void setInterest(int interest) {
        assert loop.inLoop();
        if (!open) {
            throw new IllegalStateException("The watch is closed");
        }
        loop.epoll().modify(fd, epollBits(interest), key);
    }

    @Override
    public void close() {
        assert loop.inLoop();
        if (open) {
            open = false;
            loop.epoll().remove(fd);
            loop.watches().remove(key);
        }
    }

    void ready(int events) {
        int ready = 0;
        if ((events & (Epoll.EPOLLERR | Epoll.EPOLLHUP)) != 0) {
            ready = BOTH;
        }
        if ((events & (Epoll.EPOLLIN | Epoll.EPOLLRDHUP)) != 0) {
            ready |= READABLE;
        }
        if ((events & Epoll.EPOLLOUT) != 0) {
            ready |= WRITABLE;
        }
        callback.ready(ready);
    }

    private static int epollBits(int interest) {
        int bits = 0;
        if ((interest & READABLE) != 0) {
            bits |= Epoll.EPOLLIN;
        }
        if ((interest & WRITABLE) != 0) {
            bits |= Epoll.EPOLLOUT;
        }
        return bits;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.StreamIo;

/**
 * One descriptor as a stream on the loop: reads only as much as its user has room for, writes only what fits.
 *
 * <p>The descriptor must not wait ({@code O_NONBLOCK}) or be of a kind that never does. Those that epoll refuses (regular
 * files, {@code /dev/null}) are always ready and are read in a bottom half that schedules itself.
 *
 * <pre>
 *  reading: ON ──room 0──► PAUSED ──resumeReading──► ON ──end of stream──► ENDED
 *  writing: ON ──descriptor full──► BLOCKED ──writable──► ON ──peer gone──► ENDED (output is dropped)
 * </pre>
 *
 * <p>A peer that only ended its sending side still gets output; one that has gone is known by a hang-up or a failed
 * write. While reading is paused, a hang-up is not looked at, so that the peer's last words are read first. A hang-up
 * may be over by the time the loop hears of it: the next peer of a terminal has come, and gets output like the first.
 *
 * <p>Loop thread only.
 */
final class FdStream implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FdStream.class);

    private static final int BUFFER_BYTES = 4096;

    /** What the user of a stream is told. */
    interface User {
        /** Returns how many bytes {@link #received} takes now; after 0, reading pauses until {@code resumeReading}. */
        int receiveRoom();

        /** Takes what was read, at most {@code receiveRoom} bytes. */
        void received(MemorySegment bytes);

        /** There is room to write again, after {@code write} took less than all. */
        void writable();

        /** There is no more input; output may still be wanted. Called once. */
        default void endOfInput() {}

        /** The peer has gone and all that it sent has been received. The stream does nothing any more. */
        void gone();
    }

    private final EventLoop loop;
    private final Fd fd;
    private final User user;
    private final boolean reads;
    private final MemorySegment buffer;
    private final BottomHalf readAgain;

    private @Nullable FdWatch watch;
    private boolean alwaysReady;
    private boolean readPaused;
    private boolean readEnded;
    private boolean writeBlocked;
    private boolean writeEnded;

    /** The descriptor was hung up when the loop last looked. */
    private boolean hungUp;

    private boolean closed;

    /**
     * Makes a stream and starts to read where asked to.
     *
     * @param fd stays the caller's
     * @param reads whether to read; a stream only for writing learns of its peer's end by writing
     */
    FdStream(EventLoop loop, Fd fd, boolean reads, User user) {
        this.loop = loop;
        this.fd = fd;
        this.user = user;
        this.reads = reads;
        this.buffer = reads ? Arena.ofAuto().allocate(BUFFER_BYTES) : MemorySegment.NULL;
        this.readAgain = loop.newBottomHalf(new ReadAgain());
        this.readEnded = !reads;
    }

    /** Starts to read. */
    void start() {
        if (reads) {
            updateWatch();
        }
    }

    /**
     * Writes what fits.
     *
     * @return how many bytes were taken; where that is not all, {@code User.writable} will be called. All, where the peer
     *     has gone or the descriptor fails: there is nobody to keep them for
     */
    int write(MemorySegment source) {
        int length = (int) source.byteSize();
        int done = 0;
        while (done < length && !writeEnded && !hungUp) {
            int written;
            try {
                written = StreamIo.write(fd, source.asSlice(done));
            } catch (ErrnoException e) {
                failed("output is dropped from here on", e);
                writeEnded = true;
                break;
            }
            if (written == StreamIo.WOULD_BLOCK) {
                writeBlocked = true;
                updateWatch();
                return done;
            }
            if (written == StreamIo.END_OF_STREAM) {
                writeEnded = true;
                break;
            }
            done += written;
        }
        return length;
    }

    /** Goes on reading, after {@code User.receiveRoom} answered 0. */
    void resumeReading() {
        if (readPaused && !closed) {
            readPaused = false;
            hungUp = false;
            updateWatch();
        }
    }

    /** Ends all watching; the descriptor stays open. Idempotent. */
    @Override
    public void close() {
        closed = true;
        closeWatch();
        readAgain.cancel();
    }

    private int interest() {
        return (readEnded || readPaused ? 0 : FdWatch.READABLE) | (writeBlocked ? FdWatch.WRITABLE : 0);
    }

    private void updateWatch() {
        if (closed) {
            return;
        }
        int interest = interest();
        // Without interest, a watch still tells of hang-ups: wanted where the peer has only ended its sending side, not
        // where its last words wait unread, since it would be told of again and again.
        boolean wanted = interest != 0 || (reads && readEnded);
        if (!wanted) {
            closeWatch();
        } else if (alwaysReady) {
            readAgain.schedule();
        } else if (watch != null) {
            watch.setInterest(interest);
        } else {
            openWatch(interest);
        }
    }

    private void openWatch(int interest) {
        try {
            watch = loop.watch(fd.number(), interest, new Ready());
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EPERM) {
                throw e;
            }
            alwaysReady = true;
            readAgain.schedule();
        }
    }

    private void closeWatch() {
        if (watch != null) {
            watch.close();
            watch = null;
        }
    }

    private final class Ready implements FdWatch.Callback {
        @Override
        public void ready(int ready) {
            // Only a hang-up or an error comes unasked for.
            hungUp = (ready & ~interest()) != 0;
            if (writeBlocked && (ready & FdWatch.WRITABLE) != 0) {
                writeBlocked = false;
                user.writable();
            }
            if (!closed && !readEnded && !readPaused && (ready & FdWatch.READABLE) != 0) {
                read();
            }
            if (!closed && reads && readEnded && (writeEnded || hungUp)) {
                close();
                user.gone();
            }
            updateWatch();
        }
    }

    private void read() {
        int room = Math.min(user.receiveRoom(), BUFFER_BYTES);
        if (room == 0) {
            readPaused = true;
            return;
        }
        int count;
        try {
            count = StreamIo.read(fd, buffer.asSlice(0, room));
        } catch (ErrnoException e) {
            failed("there is no more input", e);
            count = StreamIo.END_OF_STREAM;
        }
        if (count == StreamIo.END_OF_STREAM) {
            readEnded = true;
            user.endOfInput();
            return;
        }
        hungUp = false;
        if (count > 0) {
            user.received(buffer.asSlice(0, count));
        }
    }

    private static void failed(String consequence, ErrnoException e) {
        LOG.warn("Serial line: {}: {}", consequence, e.getMessage());
    }

    /** For descriptors without readiness. */
    private final class ReadAgain implements Runnable {
        @Override
        public void run() {
            if (closed) {
                return;
            }
            if (writeBlocked) {
                writeBlocked = false;
                user.writable();
            }
            if (!readEnded && !readPaused && !closed) {
                read();
                if (readEnded) {
                    close();
                    user.gone();
                } else if (!readPaused) {
                    readAgain.schedule();
                }
            }
        }
    }
}

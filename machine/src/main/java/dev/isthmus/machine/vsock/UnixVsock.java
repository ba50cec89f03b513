// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.UnixSocket;
import dev.isthmus.machine.VmException;
import dev.isthmus.virtio.vsock.VsockBackend;
import dev.isthmus.virtio.vsock.VsockConnection;

/**
 * Unix sockets behind a socket device, by the convention of Firecracker:
 *
 * <pre>
 *  a program connects to PATH, writes "CONNECT 52\n"        → port 52 of the guest; the program reads "OK 1073741824\n",
 *                                                             with the port of its own end, once the guest has agreed;
 *                                                             otherwise the socket is closed
 *  the guest connects to port 52 of the host (CID 2)        → whoever listens at PATH_52; refused where nobody does
 * </pre>
 *
 * <p>A socket file that a dead process left at PATH is replaced; ours is removed at the end. While no driver uses the
 * device, programs that connect wait. Who may connect is a matter of the permissions of PATH and its folder.
 *
 * <p>Loop thread only, but for {@link #open}, {@link #path} and, after the loop has stopped, {@link #close}. Data goes
 * straight between sockets and the guest's memory, and allocates nothing.
 */
public final class UnixVsock implements VsockBackend, AutoCloseable {
    /** An underscore and the longest port. */
    private static final int PORT_SUFFIX_BYTES = 11;

    /** The longest path: with every port behind it, it is one of a socket. */
    static final int PATH_BYTES_MAX = UnixSocket.PATH_BYTES_MAX - PORT_SUFFIX_BYTES;

    /** Programs that may wait to be accepted. */
    private static final int WAITING_MAX = 128;

    private final UnixSocket socket;
    private final FaultLog faults;

    /** For all connections, one call at a time. */
    private final IoVectors vectors = new IoVectors(VsockConnection.ELEMENTS_MAX);

    private final MemorySegment line = Arena.ofAuto().allocate(ConnectLine.BYTES_MAX);
    private @Nullable Listener listener;
    private @Nullable EventLoop loop;
    private @Nullable Acceptor acceptor;

    private UnixVsock(UnixSocket socket) {
        this.socket = socket;
        this.faults = new FaultLog("vsock " + socket.path());
    }

    /**
     * Begins to listen. Any thread.
     *
     * @param path PATH, at most {@value #PATH_BYTES_MAX} bytes
     * @throws VmException.Configuration if that cannot be
     */
    public static UnixVsock open(Path path) {
        int pathBytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (pathBytes == 0 || pathBytes > PATH_BYTES_MAX) {
            throw new VmException.Configuration(
                    "The vsock path " + path + " has " + pathBytes + " bytes; with a port behind it, Linux takes 1 to "
                            + PATH_BYTES_MAX + ".",
                    "Use a shorter path, for example in /run or /tmp.");
        }
        try {
            return new UnixVsock(UnixSocket.listen(path.toString(), WAITING_MAX));
        } catch (ErrnoException e) {
            boolean inUse = e.errno() == Errno.EADDRINUSE;
            throw new VmException.Configuration(
                    "The vsock socket " + path + " can't be made: "
                            + (inUse ? "the path is in use" : Errno.text(e.errno())) + ".",
                    inUse
                            ? "Use another path, or end what listens there, or remove the file if it is not wanted."
                            : "Name a path in a directory that exists and can be written.",
                    e);
        }
    }

    /** Returns PATH. Any thread. */
    public String path() {
        return socket.path();
    }

    @Override
    public void attach(Listener newListener) {
        listener = newListener;
    }

    @Override
    public void start(EventLoop newLoop) {
        loop = newLoop;
        acceptor = new Acceptor(socket, newLoop, line, faults, this::incoming);
    }

    @Override
    public void stop() {
        if (acceptor != null) {
            acceptor.close();
            acceptor = null;
        }
        loop = null;
    }

    @Override
    public @Nullable VsockConnection connect(long hostPort) {
        if (loop == null) {
            throw new IllegalStateException("Not started");
        }
        Fd fd;
        try {
            fd = UnixSocket.connect(socket.path() + "_" + hostPort);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ECONNREFUSED) {
                faults.report(e.getMessage());
            }
            return null;
        }
        return new UnixVsockConnection(fd, loop, vectors, line);
    }

    /** A program has said where it wants to. */
    private void incoming(Fd fd, long guestPort) {
        if (loop == null || listener == null) {
            fd.close();
            return;
        }
        UnixVsockConnection connection = new UnixVsockConnection(fd, loop, vectors, line);
        if (!listener.incoming(connection, guestPort)) {
            connection.close();
        }
    }

    /** Listens no more and removes the socket file; idempotent. The device was reset before. */
    @Override
    public void close() {
        stop();
        socket.close();
    }
}

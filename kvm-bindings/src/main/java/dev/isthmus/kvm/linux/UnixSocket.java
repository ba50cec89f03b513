// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * A listening stream socket in the file system, and connections to such. All descriptors are close-on-exec
 * and do not wait; {@link StreamIo} reads and writes the connections.
 *
 * <p>Any thread.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/unix.7.html">unix(7)</a>
 */
public final class UnixSocket implements AutoCloseable {
    /** The longest path of a socket, in bytes: sizeof(sun_path) of linux/un.h without the final zero. */
    public static final int PATH_BYTES_MAX = 107;

    private final Fd fd;
    private final String path;

    private UnixSocket(Fd fd, String path) {
        this.fd = fd;
        this.path = path;
    }

    /**
     * Listens. A socket that is left from a process that has gone is replaced.
     *
     * @param path where; at most {@value #PATH_BYTES_MAX} bytes
     * @throws ErrnoException EADDRINUSE if somebody listens there, or the path is no socket
     */
    public static UnixSocket listen(String path) {
        return listen(path, 1);
    }

    /**
     * Listens, as {@link #listen(String)} does, with room for more who wait.
     *
     * @param waiting how many may wait to be accepted
     */
    public static UnixSocket listen(String path, int waiting) {
        Fd fd = socket();
        try {
            long result = withAddress(Linux.__NR_bind(), fd, path);
            if (result == -Errno.EADDRINUSE && isAbandoned(path)) {
                unlink(path);
                result = withAddress(Linux.__NR_bind(), fd, path);
            }
            if (result < 0) {
                throw ErrnoException.of("bind", path, result);
            }
            result = Syscall.call(Linux.__NR_listen(), fd.number(), waiting);
            if (result < 0) {
                unlink(path);
                throw ErrnoException.of("listen", path, result);
            }
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
        return new UnixSocket(fd, path);
    }

    /**
     * Connects to a listening socket.
     *
     * @param path where; at most {@value #PATH_BYTES_MAX} bytes
     * @throws ErrnoException ENOENT or ECONNREFUSED if nobody listens there, EAGAIN if too many wait already
     */
    public static Fd connect(String path) {
        Fd fd = socket();
        try {
            long result = withAddress(Linux.__NR_connect(), fd, path);
            if (result < 0) {
                throw ErrnoException.of("connect", path, result);
            }
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
        return fd;
    }

    private static Fd socket() {
        int type = Linux.SOCK_STREAM() | Linux.SOCK_CLOEXEC() | Linux.SOCK_NONBLOCK();
        long result = Syscall.call(Linux.__NR_socket(), Linux.AF_UNIX(), type);
        if (result < 0) {
            throw ErrnoException.of("socket", "AF_UNIX", result);
        }
        return Fd.owning((int) result);
    }

    /** bind or connect: a call with a descriptor and the address of a path. */
    private static long withAddress(int number, Fd fd, String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 0 || bytes.length > PATH_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "a socket's path has 1 to " + PATH_BYTES_MAX + " bytes: " + path);
        }
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer address = memory.scratch();
        int pathOffset = Linux.OFFSETOF_sockaddr_un_sun_path();
        address.putShort(Linux.OFFSETOF_sockaddr_un_sun_family(), (short) Linux.AF_UNIX());
        address.put(pathOffset, bytes).put(pathOffset + bytes.length, (byte) 0);
        return Syscall.call(number, fd.number(), memory.scratchAddress(), pathOffset + bytes.length + 1);
    }

    /** Whether the path is a socket that nobody listens at. */
    private static boolean isAbandoned(String path) {
        try (Fd probe = socket()) {
            // What is no socket refuses, too; unlinking it would be wrong, and O_PATH with fstat tells.
            return withAddress(Linux.__NR_connect(), probe, path) == -Errno.ECONNREFUSED && isSocket(path);
        }
    }

    private static boolean isSocket(String path) {
        try (Fd fd = HostFile.openFd(path, Linux.O_PATH() | Linux.O_NOFOLLOW(), 0)) {
            ThreadMemory memory = ThreadMemory.current();
            long result = Syscall.call(Linux.__NR_fstat(), fd.number(), memory.scratchAddress());
            int mode = memory.scratch().getInt(Linux.OFFSETOF_stat_st_mode());
            return result == 0 && (mode & Linux.S_IFMT()) == Linux.S_IFSOCK();
        }
    }

    private static void unlink(String path) {
        try (Arena arena = Arena.ofConfined()) {
            Syscall.call(Linux.__NR_unlink(), arena.allocateFrom(path).address());
        }
    }

    /** The listening descriptor, which this object keeps; readable when somebody connects. */
    public Fd fd() {
        return fd;
    }

    /** Where it listens. */
    public String path() {
        return path;
    }

    /** Takes a connection, or null if nobody waits for one. */
    public @Nullable Fd accept() {
        int flags = Linux.SOCK_CLOEXEC() | Linux.SOCK_NONBLOCK();
        long result;
        do {
            result = Syscall.call(Linux.__NR_accept4(), fd.number(), 0, 0, flags);
        } while (result == -Errno.EINTR);
        if (result == -Errno.EAGAIN || result == -Errno.ECONNABORTED) {
            return null;
        }
        if (result < 0) {
            throw ErrnoException.of("accept4", path, result);
        }
        return Fd.owning((int) result);
    }

    /** Listens no longer and removes the path; does nothing the second time. Connections stay. */
    @Override
    public void close() {
        if (fd.isOpen()) {
            unlink(path);
            fd.close();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.charset.StandardCharsets;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * Anonymous memory behind a descriptor (memfd), so that other processes can map it, too.
 *
 * <p>Its size is sealed: nobody it is shared with can shrink it, which would make our next access a SIGBUS.
 * Immutable.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/memfd_create.2.html">memfd_create(2)</a>
 */
public final class Memfd implements AutoCloseable {
    /** Ordinary pages. */
    public static final long DEFAULT_PAGES = 0;

    /** A memfd's name has at most 249 bytes. */
    private static final int MAX_NAME_BYTES = 249;

    private final Fd fd;
    private final long lengthBytes;

    private Memfd(Fd fd, long lengthBytes) {
        this.fd = fd;
        this.lengthBytes = lengthBytes;
    }

    /**
     * New memory, all zeroes. Takes no memory until it is touched, except that huge pages are reserved when
     * mapped.
     *
     * @param name what {@code /proc} shows for it; ASCII, at most 249 characters
     * @param lengthBytes positive, a multiple of the page size
     * @param hugePageBytes the size of its pages, a power of two that the host offers, or {@link
     *     #DEFAULT_PAGES}
     * @throws ErrnoException ENODEV or EINVAL if the host has no pages of that size
     */
    public static Memfd create(String name, long lengthBytes, long hugePageBytes) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("lengthBytes " + lengthBytes + " is not positive");
        }
        long flags = Linux.MFD_CLOEXEC() | Linux.MFD_ALLOW_SEALING();
        if (hugePageBytes != DEFAULT_PAGES) {
            if (Long.bitCount(hugePageBytes) != 1) {
                throw new IllegalArgumentException("hugePageBytes " + hugePageBytes + " is no power of two");
            }
            long log2 = Long.numberOfTrailingZeros(hugePageBytes);
            flags |= Linux.MFD_HUGETLB() | log2 << Linux.MAP_HUGE_SHIFT();
        }
        long nameAddress = copyName(name);
        long result = Syscall.call(Linux.__NR_memfd_create(), nameAddress, flags);
        if (result < 0) {
            throw ErrnoException.of("memfd_create", name + ", pages of " + hugePageBytes, result);
        }
        Fd fd = Fd.owning((int) result);
        try {
            setLength(fd, lengthBytes);
            sealLength(fd);
        } catch (ErrnoException e) {
            fd.close();
            throw e;
        }
        return new Memfd(fd, lengthBytes);
    }

    private static long copyName(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        if (bytes.length > MAX_NAME_BYTES) {
            throw new IllegalArgumentException("a memfd's name is too long: " + name);
        }
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().put(0, bytes).put(bytes.length, (byte) 0);
        return memory.scratchAddress();
    }

    private static void setLength(Fd fd, long lengthBytes) {
        long result = Syscall.call(Linux.__NR_ftruncate(), fd.number(), lengthBytes);
        if (result < 0) {
            throw ErrnoException.of("ftruncate", "memfd, " + lengthBytes + " bytes", result);
        }
    }

    private static void sealLength(Fd fd) {
        int seals = Linux.F_SEAL_SHRINK() | Linux.F_SEAL_GROW() | Linux.F_SEAL_SEAL();
        long result = Syscall.call(Linux.__NR_fcntl(), fd.number(), Linux.F_ADD_SEALS(), seals);
        if (result < 0) {
            throw ErrnoException.of("fcntl", "F_ADD_SEALS, memfd", result);
        }
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /** Its size in bytes, which never changes. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Closes the descriptor; does nothing the second time. Mappings stay. */
    @Override
    public void close() {
        fd.close();
    }
}

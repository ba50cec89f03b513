// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * A range of this process's memory made by mmap, unmapped when it is closed.
 *
 * <p>Any thread may use it. After {@link #close} an access through {@link #segment} throws
 * {@link IllegalStateException}; what uses {@link #address} (KVM, a system call) must have ended before.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/mmap.2.html">mmap(2)</a>
 */
public final class HostMapping implements AutoCloseable {
    private final Arena arena;
    private final MemorySegment segment;
    private final AtomicBoolean closed = new AtomicBoolean();

    private HostMapping(Arena arena, MemorySegment segment) {
        this.arena = arena;
        this.segment = segment;
    }

    /**
     * Maps a descriptor's bytes, shared with everybody else who maps them, readable and writable.
     *
     * @param fd a memfd, file or device; it may be closed afterwards
     * @param offset where in it, a multiple of the page size
     * @param lengthBytes how much, positive
     */
    public static HostMapping shared(Fd fd, long offset, long lengthBytes) {
        int protection = Linux.PROT_READ() | Linux.PROT_WRITE();
        return map(protection, Linux.MAP_SHARED(), fd.number(), offset, lengthBytes);
    }

    /**
     * Maps a file's bytes to read them. A later change of the file may or may not show.
     *
     * @param fd a file; it may be closed afterwards
     * @param offset where in it, a multiple of the page size
     * @param lengthBytes how much, positive; what lies past the file's end must not be touched
     */
    public static HostMapping readOnly(Fd fd, long offset, long lengthBytes) {
        HostMapping mapping =
                map(Linux.PROT_READ(), Linux.MAP_PRIVATE(), fd.number(), offset, lengthBytes);
        return new HostMapping(mapping.arena, mapping.segment.asReadOnly());
    }

    /**
     * Maps the whole of a file to read it, followed by zeroes.
     *
     * @param fd a file; it may be closed afterwards
     * @param fileBytes how long it is, positive; the file must not become shorter
     * @param lengthBytes how long the mapping is to be: a multiple of the page size, at least {@code fileBytes}
     */
    public static HostMapping readOnlyPadded(Fd fd, long fileBytes, long lengthBytes) {
        if (fileBytes <= 0 || fileBytes > lengthBytes) {
            throw new IllegalArgumentException(fileBytes + " bytes of " + lengthBytes);
        }
        HostMapping mapping =
                map(Linux.PROT_READ(), Linux.MAP_PRIVATE() | Linux.MAP_ANONYMOUS(), -1, 0, lengthBytes);
        long result =
                Syscall.call(
                        Linux.__NR_mmap(),
                        mapping.address(),
                        fileBytes,
                        Linux.PROT_READ(),
                        Linux.MAP_PRIVATE() | Linux.MAP_FIXED(),
                        fd.number(),
                        0);
        if (Syscall.failed(result)) {
            mapping.close();
            throw ErrnoException.of("mmap", fd + ", " + fileBytes + " bytes", result);
        }
        return new HostMapping(mapping.arena, mapping.segment.asReadOnly());
    }

    /** Maps zeroes of this process alone, readable and writable. */
    public static HostMapping anonymous(long lengthBytes) {
        int protection = Linux.PROT_READ() | Linux.PROT_WRITE();
        return map(protection, Linux.MAP_PRIVATE() | Linux.MAP_ANONYMOUS(), -1, 0, lengthBytes);
    }

    @SuppressWarnings({"restricted", "MustBeClosedChecker"}) // close() closes the arena
    private static HostMapping map(
            int protection, int flags, int fd, long offset, long lengthBytes) {
        long result =
                Syscall.call(Linux.__NR_mmap(), 0, lengthBytes, protection, flags, fd, offset);
        if (Syscall.failed(result)) {
            throw ErrnoException.of("mmap", "fd " + fd + ", " + lengthBytes + " bytes", result);
        }
        Arena arena = Arena.ofShared();
        // SAFETY: the kernel has just given us exactly this range. Nothing else unmaps it, and the arena does
        // so only when no thread accesses the segment.
        MemorySegment segment =
                MemorySegment.ofAddress(result).reinterpret(lengthBytes, arena, new Unmap());
        return new HostMapping(arena, segment);
    }

    /** The mapped memory. */
    public MemorySegment segment() {
        return segment;
    }

    /** Where the memory starts in this process. */
    public long address() {
        return segment.address();
    }

    /** How long the mapping is. */
    public long lengthBytes() {
        return segment.byteSize();
    }

    /**
     * Touches all pages for writing, so that no later access waits for one.
     *
     * @throws ErrnoException ENOMEM if the host has not enough memory; some pages may have been taken then
     */
    public void populate() {
        advise(Linux.MADV_POPULATE_WRITE(), "MADV_POPULATE_WRITE", 0, lengthBytes());
    }

    /** Keeps the memory out of core dumps. */
    public void excludeFromDumps() {
        advise(Linux.MADV_DONTDUMP(), "MADV_DONTDUMP", 0, lengthBytes());
    }

    /** Asks for transparent huge pages, where the host's settings leave it to the program. */
    public void preferHugePages() {
        advise(Linux.MADV_HUGEPAGE(), "MADV_HUGEPAGE", 0, lengthBytes());
    }

    /**
     * Gives pages of shared memory back to the host: they read as zeroes afterwards, for everybody who maps
     * them.
     *
     * @param offset a multiple of the page size
     * @param lengthBytes a multiple of the page size
     */
    public void discard(long offset, long lengthBytes) {
        advise(Linux.MADV_REMOVE(), "MADV_REMOVE", offset, lengthBytes);
    }

    /**
     * Forgets pages of this mapping alone: of anonymous memory their contents (they read as zeroes), of
     * shared memory no more than this process's page table entries.
     *
     * @param offset a multiple of the page size
     * @param lengthBytes a multiple of the page size
     */
    public void forget(long offset, long lengthBytes) {
        advise(Linux.MADV_DONTNEED(), "MADV_DONTNEED", offset, lengthBytes);
    }

    private void advise(int advice, String name, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, lengthBytes());
        if (closed.get()) {
            throw new IllegalStateException("the mapping is closed");
        }
        long result;
        do {
            result = Syscall.call(Linux.__NR_madvise(), address() + offset, lengthBytes, advice);
        } while (result == -Errno.EINTR || result == -Errno.EAGAIN);
        if (result < 0) {
            throw ErrnoException.of("madvise", name + ", " + lengthBytes + " bytes", result);
        }
    }

    /** Unmaps the memory; does nothing the second time. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            arena.close();
        }
    }

    /** A class and not a lambda, which would be spun while a VM starts. */
    private static final class Unmap implements Consumer<MemorySegment> {
        @Override
        public void accept(MemorySegment mapped) {
            Syscall.call(Linux.__NR_munmap(), mapped.address(), mapped.byteSize());
        }
    }
}

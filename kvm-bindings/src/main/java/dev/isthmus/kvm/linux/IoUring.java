// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * An io_uring: requests for I/O in one ring of memory shared with the kernel, their results in another.
 *
 * <p>A caller fills entries of the submission queue with {@link #prepareRead} and its like, which only write memory,
 * then hands them all over with one system call, {@link #submit}. Results appear without one: {@link #completions}
 * tells how many, and {@link #advance} gives their places back. The descriptor is readable while there are any.
 *
 * <p>One thread at a time. Allocates nothing after its construction. Memory and descriptors of a request belong to the
 * kernel until its completion has been seen.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/io_uring.7.html">io_uring(7)</a>
 */
public final class IoUring implements AutoCloseable {
    /** The most entries of a submission queue (IORING_MAX_ENTRIES). */
    public static final int MAX_ENTRIES = 32768;

    private static final VarHandle U32 =
            ValueLayout.JAVA_INT.varHandle().withInvokeExactBehavior();

    private final Fd fd;
    private final HostMapping rings;
    private final HostMapping entriesMapping;

    private final MemorySegment ring;
    private final long sqHeadOffset;
    private final long sqTailOffset;
    private final int sqMask;
    private final int sqEntries;
    private final long cqHeadOffset;
    private final long cqTailOffset;
    private final long cqesOffset;
    private final int cqMask;
    private final int cqEntries;
    private final ByteBuffer entries;
    private final ByteBuffer ringBytes;

    /** The submission queue's tail as we count it; the kernel sees it at {@link #submit}. */
    private int sqTail;

    /** What of it the kernel has seen. */
    private int submittedTail;

    private int cqHead;

    private IoUring(Fd fd, ByteBuffer params) {
        this.fd = fd;
        this.sqEntries = params.getInt(Linux.OFFSETOF_io_uring_params_sq_entries());
        this.cqEntries = params.getInt(Linux.OFFSETOF_io_uring_params_cq_entries());
        this.cqesOffset = params.getInt(Linux.OFFSETOF_io_uring_params_cq_off_cqes());
        long sqArrayOffset = params.getInt(Linux.OFFSETOF_io_uring_params_sq_off_array());
        long ringBytesLength = Math.max(
                sqArrayOffset + (long) sqEntries * Integer.BYTES,
                cqesOffset + (long) cqEntries * Linux.SIZEOF_io_uring_cqe());
        // Both rings are one mapping since Linux 5.4 (IORING_FEAT_SINGLE_MMAP), which create() has checked.
        this.rings = HostMapping.shared(fd, Linux.IORING_OFF_SQ_RING(), ringBytesLength);
        this.ring = rings.segment();
        try {
            this.entriesMapping =
                    HostMapping.shared(fd, Linux.IORING_OFF_SQES(), (long) sqEntries * Linux.SIZEOF_io_uring_sqe());
        } catch (RuntimeException e) {
            rings.close();
            throw e;
        }
        this.entries = entriesMapping.segment().asByteBuffer().order(ByteOrder.nativeOrder());
        this.ringBytes = ring.asByteBuffer().order(ByteOrder.nativeOrder());
        this.sqHeadOffset = params.getInt(Linux.OFFSETOF_io_uring_params_sq_off_head());
        this.sqTailOffset = params.getInt(Linux.OFFSETOF_io_uring_params_sq_off_tail());
        this.cqHeadOffset = params.getInt(Linux.OFFSETOF_io_uring_params_cq_off_head());
        this.cqTailOffset = params.getInt(Linux.OFFSETOF_io_uring_params_cq_off_tail());
        this.sqMask = ringBytes.getInt(params.getInt(Linux.OFFSETOF_io_uring_params_sq_off_ring_mask()));
        this.cqMask = ringBytes.getInt(params.getInt(Linux.OFFSETOF_io_uring_params_cq_off_ring_mask()));
        for (int i = 0; i < sqEntries; i++) {
            // Entry n is always described at place n: the indirection is for callers that keep prepared entries.
            ringBytes.putInt((int) sqArrayOffset + i * Integer.BYTES, i);
        }
    }

    /**
     * Makes a ring.
     *
     * @param entries places of the submission queue, a power of 2 up to {@link #MAX_ENTRIES}; there are twice as many
     *     for completions
     * @throws ErrnoException ENOSYS or EPERM where the host has no io_uring for us, ENOMEM where it has no memory
     */
    public static IoUring create(int entries) {
        if (entries < 1 || entries > MAX_ENTRIES || Integer.bitCount(entries) != 1) {
            throw new IllegalArgumentException("entries " + entries + " is no power of 2 up to " + MAX_ENTRIES);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(Linux.SIZEOF_io_uring_params(), Long.BYTES);
            ByteBuffer params = memory.asByteBuffer().order(ByteOrder.nativeOrder());
            long result = Syscall.call(Linux.__NR_io_uring_setup(), entries, memory.address());
            if (result < 0) {
                throw ErrnoException.of("io_uring_setup", entries + " entries", result);
            }
            Fd fd = Fd.owning((int) result);
            int wanted = Linux.IORING_FEAT_SINGLE_MMAP() | Linux.IORING_FEAT_NODROP();
            try {
                if ((params.getInt(Linux.OFFSETOF_io_uring_params_features()) & wanted) != wanted) {
                    throw ErrnoException.of("io_uring_setup", "Linux 5.5 or later is needed", -Errno.ENOSYS);
                }
                return new IoUring(fd, params);
            } catch (RuntimeException e) {
                fd.close();
                throw e;
            }
        }
    }

    /** Its descriptor, which it keeps; readable while there are completions. */
    public Fd fd() {
        return fd;
    }

    /** How many requests can be prepared before the next {@link #submit}. */
    public int freeEntries() {
        int head = (int) U32.getAcquire(ring, sqHeadOffset);
        return sqEntries - (sqTail - head);
    }

    /** How many requests can be in flight without the kernel having to put completions aside. */
    public int completionEntries() {
        return cqEntries;
    }

    /**
     * Prepares to read into one piece of memory.
     *
     * @param file what to read
     * @param address where the memory is
     * @param lengthBytes how much, up to 2^31 - 1
     * @param offset where in the file
     * @param userData what the completion carries
     */
    public void prepareRead(Fd file, long address, int lengthBytes, long offset, long userData) {
        prepare(Linux.IORING_OP_READ(), file, address, lengthBytes, offset, 0, userData);
    }

    /** Prepares to read into the pieces that {@code struct iovec}s describe, which stay until the completion. */
    public void prepareReadv(Fd file, long vectorsAddress, int count, long offset, long userData) {
        prepare(Linux.IORING_OP_READV(), file, vectorsAddress, count, offset, 0, userData);
    }

    /**
     * Prepares to write one piece of memory, as {@link #prepareRead} reads.
     *
     * @param stable whether it completes only when it would survive a crash of the host (RWF_DSYNC)
     */
    public void prepareWrite(
            Fd file, long address, int lengthBytes, long offset, boolean stable, long userData) {
        int flags = stable ? Linux.RWF_DSYNC() : 0;
        prepare(Linux.IORING_OP_WRITE(), file, address, lengthBytes, offset, flags, userData);
    }

    /** Prepares to write the pieces that {@code struct iovec}s describe, which stay until the completion. */
    public void prepareWritev(
            Fd file, long vectorsAddress, int count, long offset, boolean stable, long userData) {
        int flags = stable ? Linux.RWF_DSYNC() : 0;
        prepare(Linux.IORING_OP_WRITEV(), file, vectorsAddress, count, offset, flags, userData);
    }

    private void prepare(
            int opcode, Fd file, long address, int length, long offset, int flags, long userData) {
        if (freeEntries() <= 0) {
            throw new IllegalStateException("the submission queue is full");
        }
        int entry = (sqTail & sqMask) * Linux.SIZEOF_io_uring_sqe();
        for (int i = 0; i < Linux.SIZEOF_io_uring_sqe(); i += Long.BYTES) {
            entries.putLong(entry + i, 0);
        }
        entries.put(entry + Linux.OFFSETOF_io_uring_sqe_opcode(), (byte) opcode);
        entries.putInt(entry + Linux.OFFSETOF_io_uring_sqe_fd(), file.number());
        entries.putLong(entry + Linux.OFFSETOF_io_uring_sqe_off(), offset);
        entries.putLong(entry + Linux.OFFSETOF_io_uring_sqe_addr(), address);
        entries.putInt(entry + Linux.OFFSETOF_io_uring_sqe_len(), length);
        entries.putInt(entry + Linux.OFFSETOF_io_uring_sqe_rw_flags(), flags);
        entries.putLong(entry + Linux.OFFSETOF_io_uring_sqe_user_data(), userData);
        sqTail++;
    }

    /**
     * Hands what was prepared to the kernel. Requests that need no waiting may have completed on return. Does nothing
     * where nothing was prepared.
     *
     * @return how many the kernel has not taken, because it has no memory for them or too many completions wait: call
     *     again later, when those have been taken
     */
    public int submit() {
        if (sqTail == submittedTail) {
            return 0;
        }
        // Release: the kernel must not see the new tail before the entries.
        U32.setRelease(ring, sqTailOffset, sqTail);
        while (sqTail != submittedTail) {
            long result = enter(sqTail - submittedTail);
            if (result == -Errno.EAGAIN || result == -Errno.EBUSY) {
                break;
            }
            if (result < 0 && result != -Errno.EINTR) {
                throw ErrnoException.of("io_uring_enter", (sqTail - submittedTail) + " requests", result);
            }
            submittedTail += (int) Math.max(0, result);
        }
        return sqTail - submittedTail;
    }

    private long enter(int toSubmit) {
        try {
            return Syscall.call(Linux.__NR_io_uring_enter(), fd.number(), toSubmit, 0, 0, 0, 0);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** How many completions are there to be read. */
    public int completions() {
        // Acquire: pairs with the kernel's release of the tail, behind which the entries are written.
        return (int) U32.getAcquire(ring, cqTailOffset) - cqHead;
    }

    /** What the request of a completion was prepared with; {@code index} from 0 to below {@link #completions}. */
    public long userData(int index) {
        return ringBytes.getLong(completion(index) + Linux.OFFSETOF_io_uring_cqe_user_data());
    }

    /** The result of a completion: as the system call's, or a negated error number. */
    public int result(int index) {
        return ringBytes.getInt(completion(index) + Linux.OFFSETOF_io_uring_cqe_res());
    }

    private int completion(int index) {
        return (int) cqesOffset + ((cqHead + index) & cqMask) * Linux.SIZEOF_io_uring_cqe();
    }

    /** Gives the places of the oldest completions back to the kernel. */
    public void advance(int count) {
        cqHead += count;
        // Release: the kernel must not overwrite an entry before it has been read.
        U32.setRelease(ring, cqHeadOffset, cqHead);
    }

    /** Closes the ring; does nothing the second time. Nothing may be in flight any more. */
    @Override
    public void close() {
        fd.close();
        entriesMapping.close();
        rings.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A little native memory for each thread that makes system calls, so that calls allocate nothing.
 *
 * <pre>
 *    0 ..   4   errno, as the linker captures it
 *   64 .. 576   scratch: small structs passed to one call
 * </pre>
 *
 * <p>The scratch belongs to whoever fills it, until the call it is passed to has returned: no code may run in
 * between that uses it, too. It is freed some time after its thread has ended.
 */
public final class ThreadMemory {
    /** How much scratch a thread has. */
    public static final int SCRATCH_BYTES = 512;

    private static final int SCRATCH_OFFSET = 64;

    private static final PerThread PER_THREAD = new PerThread();

    private final MemorySegment captured;
    private final ByteBuffer capturedErrno;
    private final MemorySegment scratchSegment;
    private final ByteBuffer scratch;
    private final long scratchAddress;

    private ThreadMemory() {
        MemorySegment all = Arena.ofAuto().allocate(SCRATCH_OFFSET + SCRATCH_BYTES, SCRATCH_OFFSET);
        captured = all.asSlice(0, SCRATCH_OFFSET);
        capturedErrno = captured.asByteBuffer().order(ByteOrder.nativeOrder());
        scratchSegment = all.asSlice(SCRATCH_OFFSET);
        scratch = scratchSegment.asByteBuffer().order(ByteOrder.nativeOrder());
        scratchAddress = scratchSegment.address();
    }

    /** The calling thread's. */
    public static ThreadMemory current() {
        return PER_THREAD.get();
    }

    /** Where a struct for the next system call is put together, by absolute offsets; native byte order. */
    public ByteBuffer scratch() {
        return scratch;
    }

    /** The scratch as a segment. */
    public MemorySegment scratchSegment() {
        return scratchSegment;
    }

    /** The address of {@link #scratch()}, to be passed to a system call. */
    public long scratchAddress() {
        return scratchAddress;
    }

    /**
     * Zeroes the first bytes of the scratch, a multiple of eight, so that no padding holds what was there
     * before.
     */
    public ByteBuffer clearScratch(int lengthBytes) {
        for (int offset = 0; offset < lengthBytes; offset += Long.BYTES) {
            scratch.putLong(offset, 0);
        }
        return scratch;
    }

    MemorySegment captured() {
        return captured;
    }

    long errno() {
        return capturedErrno.getInt(0);
    }

    /** A class and not {@code ThreadLocal.withInitial}, whose lambda would be spun while a VM starts. */
    private static final class PerThread extends ThreadLocal<ThreadMemory> {
        @Override
        protected ThreadMemory initialValue() {
            return new ThreadMemory();
        }
    }
}

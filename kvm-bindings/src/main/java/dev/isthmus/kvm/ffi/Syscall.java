// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.ffi;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * System calls through libc's {@code syscall(2)}, the only function that Isthmus links.
 *
 * <p>One shape for all calls, because linking another one costs every start of a VM some 20 ms. Arguments are
 * plain numbers; memory is passed by address, so a caller keeps it alive until the call has returned. The
 * call is never {@code critical}: any of them may block (KVM_RUN does), and a blocked thread must not hold up
 * a safepoint.
 *
 * <p>Any thread. Allocates nothing after a thread's first call.
 */
public final class Syscall {
    /** The largest error number the kernel returns: results in [-4095, -1] are errors, all others values. */
    private static final long MAX_ERRNO = 4095;

    private static final MethodHandle SYSCALL = link();

    private Syscall() {}

    /**
     * Makes a system call with up to six arguments; what a call does not take is ignored by the kernel.
     *
     * @return the call's result, or its negated error number
     */
    public static long call(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
        ThreadMemory memory = ThreadMemory.current();
        long result;
        try {
            // SAFETY: libc's syscall takes its arguments in integer registers alone, so the fixed shape fits
            // its variadic prototype on x86-64 (no vector registers are used, and it does not read AL). The
            // capture segment is this thread's own and stays reachable through `memory`.
            result = (long) SYSCALL.invokeExact(memory.captured(), number, a0, a1, a2, a3, a4, a5);
        } catch (Throwable t) {
            throw new AssertionError("a downcall handle throws nothing", t);
        }
        return result == -1 ? -memory.errno() : result;
    }

    /** {@link #call(long, long, long, long, long, long, long)} without arguments. */
    public static long call(long number) {
        return call(number, 0, 0, 0, 0, 0, 0);
    }

    /** {@link #call(long, long, long, long, long, long, long)} with one argument. */
    public static long call(long number, long a0) {
        return call(number, a0, 0, 0, 0, 0, 0);
    }

    /** {@link #call(long, long, long, long, long, long, long)} with two arguments. */
    public static long call(long number, long a0, long a1) {
        return call(number, a0, a1, 0, 0, 0, 0);
    }

    /** {@link #call(long, long, long, long, long, long, long)} with three arguments. */
    public static long call(long number, long a0, long a1, long a2) {
        return call(number, a0, a1, a2, 0, 0, 0);
    }

    /** {@link #call(long, long, long, long, long, long, long)} with four arguments. */
    public static long call(long number, long a0, long a1, long a2, long a3) {
        return call(number, a0, a1, a2, a3, 0, 0);
    }

    /** Whether a result of {@code call} is an error: a negated error number. */
    public static boolean failed(long result) {
        return result < 0 && result >= -MAX_ERRNO;
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link() {
        Linker linker = Linker.nativeLinker();
        MemorySegment syscall = linker.defaultLookup().findOrThrow("syscall");
        ValueLayout.OfLong cLong = ValueLayout.JAVA_LONG;
        FunctionDescriptor shape =
                FunctionDescriptor.of(cLong, cLong, cLong, cLong, cLong, cLong, cLong, cLong);
        // SAFETY: `long syscall(long number, ...)` of the C library this JVM is linked with, which is never
        // unloaded.
        return linker.downcallHandle(syscall, shape, Linker.Option.captureCallState("errno"));
    }
}

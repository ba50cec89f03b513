// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.ffi;

import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.Errno;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The one call out of Java. */
@EnabledOnOs(OS.LINUX)
class SyscallTest {
    @Test
    void resultOfASuccessfulCallIsReturned() {
        assertEquals(ProcessHandle.current().pid(), Syscall.call(Linux.__NR_getpid()));
    }

    @Test
    void failedCallReturnsTheNegatedErrorNumber() {
        long result = Syscall.call(Linux.__NR_close(), -1);

        assertEquals(-Errno.EBADF, result);
        assertTrue(Syscall.failed(result));
    }

    @Test
    void addressInTheUpperHalfIsNoFailure() {
        assertFalse(Syscall.failed(-4096));
        assertFalse(Syscall.failed(0));
        assertTrue(Syscall.failed(-4095));
        assertTrue(Syscall.failed(-1));
    }

    @Test
    void allSixArgumentsReachTheKernel() {
        ThreadMemory memory = ThreadMemory.current();
        // mmap's last argument is an offset, and -1 is no multiple of a page.
        int flags = Linux.MAP_PRIVATE() | Linux.MAP_ANONYMOUS();
        long unaligned = Syscall.call(Linux.__NR_mmap(), 0, 4096, 0, flags, -1, -1);

        assertEquals(-Errno.EINVAL, unaligned);
        assertSame(memory, ThreadMemory.current());
    }

    @Test
    void everyThreadHasItsOwnMemory() {
        ThreadMemory other =
                CompletableFuture.supplyAsync(ThreadMemory::current, Thread::startVirtualThread).join();

        assertNotSame(other, ThreadMemory.current());
    }

    @Test
    void clearedScratchIsZeroUpToItsLength() {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putLong(0, -1).putLong(8, -1).putLong(16, -1);

        memory.clearScratch(12);

        assertEquals(0, memory.scratch().getLong(0));
        assertEquals(0, memory.scratch().getLong(8));
        assertEquals(-1, memory.scratch().getLong(16));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.ref.Reference;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;

/** ioctls on KVM's descriptors. All but KVM_RUN are repeated when a signal interrupts them. */
final class Ioctl {
    private Ioctl() {}

    /** The result, or the negated error number. */
    static long call(Fd fd, long request, long argument) {
        long result;
        do {
            result = Syscall.call(Linux.__NR_ioctl(), fd.number(), request, argument);
        } while (result == -Errno.EINTR);
        return result;
    }

    /** The result of a call with a number. */
    static int number(Fd fd, String name, long request, long argument) {
        long result = call(fd, request, argument);
        if (result < 0) {
            throw ErrnoException.of(name, argument == 0 ? "" : "0x" + Long.toHexString(argument), result);
        }
        return (int) result;
    }

    /** The result of a call with a struct. */
    static int struct(Fd fd, String name, long request, KvmStruct argument) {
        try {
            long result = call(fd, request, argument.address());
            if (result < 0) {
                throw ErrnoException.of(name, argument.toString(), result);
            }
            return (int) result;
        } finally {
            // Memory of an automatic arena must not be freed while the kernel uses it by its address.
            Reference.reachabilityFence(argument);
        }
    }
}

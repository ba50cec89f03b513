// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.VmException;

/** Makes host faults of failed system calls, with what a user can do about each. */
public final class HostFaults {
    private HostFaults() {}

    /**
     * Makes the fault of a failed system call.
     *
     * @param what what could not be done, without a full stop
     */
    public static VmException.HostFault of(String what, ErrnoException e) {
        return new VmException.HostFault(what + ": " + e.getMessage(), remedy(e.errno()), e);
    }

    private static String remedy(int errno) {
        return switch (errno) {
            case Errno.EMFILE -> "Raise the limit of open files (ulimit -n).";
            case Errno.ENFILE -> "The whole host is out of file handles: raise the sysctl fs.file-max.";
            case Errno.ENOMEM -> "Free memory on the host, or give the guest less.";
            case Errno.EFBIG -> "Raise the limit of file sizes (ulimit -f), which counts for the guest's memory, too.";
            // A thread of the kernel's own that counts as ours.
            case Errno.EAGAIN ->
                "Raise the limit of processes (ulimit -u; in a container, its pids limit).";
            default -> "";
        };
    }
}

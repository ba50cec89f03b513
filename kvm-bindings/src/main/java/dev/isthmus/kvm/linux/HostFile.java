package dev.isthmus.kvm.linux;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** open(2). */
public final class HostFile {
    private HostFile() {}
    public static Fd openFd(String path, int flags, int mode) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(path);
            long result = Syscall.call(Linux.__NR_openat(), Linux.AT_FDCWD(), name.address(), flags, mode);
            if (result < 0) {
                throw ErrnoException.of("open", path, result);
            }
            return Fd.owning((int) result);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
//
// System calls for a program without a C library. Each returns what the kernel returns: a value, or -errno.
#ifndef ISTHMUS_INIT_SYS_H
#define ISTHMUS_INIT_SYS_H

#include <asm/unistd.h>

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define SYS(name, a, b, c, d, e) \
    syscall6(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline long sys_read(int fd, void *buffer, unsigned long length_bytes)
{
    return SYS(read, fd, buffer, length_bytes, 0, 0);
}

static inline long sys_write(int fd, const void *buffer, unsigned long length_bytes)
{
    return SYS(write, fd, buffer, length_bytes, 0, 0);
}

static inline long sys_open(const char *path, int flags)
{
    return SYS(open, path, flags, 0, 0, 0);
}

static inline long sys_close(int fd)
{
    return SYS(close, fd, 0, 0, 0, 0);
}

static inline long sys_ioctl(int fd, unsigned long request, const void *argument)
{
    return SYS(ioctl, fd, request, argument, 0, 0);
}

static inline long sys_kill(int pid, int signal)
{
    return SYS(kill, pid, signal, 0, 0, 0);
}

static inline long sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                             const char *data)
{
    return SYS(mount, source, target, type, flags, data);
}

#endif

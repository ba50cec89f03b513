// SPDX-License-Identifier: Apache-2.0
#include "shutdown.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/time_types.h>
#include <signal.h>
#include <sys/wait.h>

#include "console.h"
#include "mounts.h"
#include "port.h"
#include "sys.h"
#include "text.h"

// How long a process may take to end by itself.
#define GRACE_SECONDS 2

// Waits at most so long for the last process to end. Whatever runs descends from process 1, so that having no
// child means having no process beside us. Expects SIGCHLD to be blocked.
static bool await_no_children(long seconds)
{
    unsigned long child = 1UL << (SIGCHLD - 1);
    struct __kernel_timespec timeout = {.tv_sec = seconds};

    for (;;) {
        long pid = SYS(wait4, -1, NULL, WNOHANG, NULL, 0);
        if (pid == -ECHILD)
            return true;
        if (pid > 0)
            continue;
        // The time starts anew with each process that ends: their number bounds it.
        if (SYS(rt_sigtimedwait, &child, NULL, &timeout, sizeof child, 0) == -EAGAIN)
            return false;
    }
}

static void end_processes(void)
{
    if (await_no_children(0))
        return;
    sys_kill(-1, SIGTERM);
    // An interactive shell ignores SIGTERM; that its terminal is gone it believes.
    sys_kill(-1, SIGHUP);
    sys_kill(-1, SIGCONT);
    if (await_no_children(GRACE_SECONDS))
        return;
    sys_kill(-1, SIGKILL);
    await_no_children(GRACE_SECONDS);
}

// The kernel announces every power-off and reboot on the console, whatever `quiet` says: between the output
// of a command and the end that line would be noise.
static void silence_kernel(void)
{
    long fd = sys_open("/proc/sys/kernel/printk", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    sys_write((int)fd, "0\n", 2);
    sys_close((int)fd);
}

void shutdown_guest(const struct options *options, int status, unsigned int command)
{
    end_processes();
    mounts_undo();
    SYS(sync, 0, 0, 0, 0, 0);
    console_drain();
    if (status != NO_STATUS)
        port_write(options->exit_port, (unsigned char)status);
    // Still here: there is no such port, or nothing behind it.
    if (options->quiet)
        silence_kernel();
    SYS(reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, NULL, 0);
    for (;;)
        SYS(pause, 0, 0, 0, 0, 0);
}

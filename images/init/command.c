// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "console.h"
#include "sys.h"
#include "text.h"

#define STDERR 2
#define BUSYBOX "/bin/busybox"

static char *const directories[] = {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", NULL};

// Replaces this process; returns -errno where that fails. A file the kernel does not recognise is a shell
// script without its first line, as for execvp(3).
static long execute(const char *path, char **arguments, char **environment)
{
    long error = SYS(execve, path, arguments, environment, 0, 0);

    if (error != -ENOEXEC)
        return error;
    int count = 0;
    while (arguments[count])
        count++;
    char *script[count + 2];
    script[0] = "sh";
    script[1] = (char *)path;
    for (int i = 1; i <= count; i++)
        script[i + 1] = arguments[i];
    return SYS(execve, "/bin/sh", script, environment, 0, 0);
}

static long search(char **arguments, char **environment)
{
    char path[PATH_MAX];
    const char *name = arguments[0];
    long result = -ENOENT;

    for (const char *at = name; *at; at++) {
        if (*at == '/')
            return execute(name, arguments, environment);
    }
    if (!*name || text_length(name) > NAME_MAX)
        return -ENOENT;
    for (int i = 0; directories[i]; i++) {
        size_t length = 0;
        for (const char *from = directories[i]; *from; from++)
            path[length++] = *from;
        for (const char *from = name; *from; from++)
            path[length++] = *from;
        path[length] = 0;
        long error = execute(path, arguments, environment);
        if (error != -ENOENT && error != -ENOTDIR)
            result = error;
    }
    return result;
}

static const char *reason(long error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return "not found";
    case EACCES:
        return "permission denied";
    case ENOEXEC:
        return "not an executable file";
    case E2BIG:
        return "too many arguments";
    case ENOMEM:
        return "out of memory";
    default:
        return "cannot be executed";
    }
}

long command_start(char **command, char **environment)
{
    static char *shell[] = {"sh", NULL};
    char **arguments = command ? command : shell;
    long pid = SYS(fork, 0, 0, 0, 0, 0);

    if (pid)
        return pid;

    unsigned long no_signals = 0;
    SYS(rt_sigprocmask, SIG_SETMASK, &no_signals, 0, sizeof no_signals, 0);
    console_take();
    long error = search(arguments, environment);
    if (error == -ENOENT && command)
        // Not every applet of busybox has a link of its own. It answers 127 for those that it lacks, too.
        error = SYS(execve, BUSYBOX, arguments, environment, 0, 0);
    text_print(STDERR, "isthmus: ", arguments[0], ": ", reason(error), "\n", NULL);
    int status = error == -ENOENT || error == -ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
    for (;;)
        SYS(exit_group, status, 0, 0, 0, 0);
}

int command_status(int wait_status)
{
    int signal = wait_status & 0x7f;

    return signal ? STATUS_SIGNAL_BASE + signal : wait_status >> 8 & 0xff;
}

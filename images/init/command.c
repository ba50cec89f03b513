// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "console.h"
#include "sys.h"
#include "text.h"

#define STDIN 0
#define STDERR 2
#define DIRECTORY "/bin/"
#define BUSYBOX DIRECTORY "busybox"

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

// Every directory of PATH is /bin under another name.
static long search(char **arguments, char **environment)
{
    char path[sizeof DIRECTORY + NAME_MAX] = DIRECTORY;
    const char *name = arguments[0];
    size_t length = sizeof DIRECTORY - 1;

    for (const char *at = name; *at; at++) {
        if (*at == '/')
            return execute(name, arguments, environment);
    }
    if (!*name || text_length(name) > NAME_MAX)
        return -ENOENT;
    while (*name)
        path[length++] = *name++;
    long error = execute(path, arguments, environment);
    // Not every applet of busybox has a link of its own. It answers 127 for those that it lacks, too.
    return error == -ENOENT ? SYS(execve, BUSYBOX, arguments, environment, 0, 0) : error;
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

long command_start(char **arguments, char **environment, int input)
{
    long pid = SYS(fork, 0, 0, 0, 0, 0);

    if (pid)
        return pid;

    unsigned long no_signals = 0;
    SYS(rt_sigprocmask, SIG_SETMASK, &no_signals, 0, sizeof no_signals, 0);
    console_take();
    if (input != STDIN)
        SYS(dup2, input, STDIN, 0, 0, 0);
    long error = search(arguments, environment);
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

// SPDX-License-Identifier: Apache-2.0
//
// Process 1 of the demo guest. It sets up what a shell expects, runs a shell or the command given on the
// kernel command line, and shuts the guest down when that ends, when the power button is pressed, and when
// poweroff, reboot or halt ask for it. It needs no C library and is one small program instead of a shell
// script because starting processes is what costs most where KVM has to emulate the guest's kernel.
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "command.h"
#include "console.h"
#include "mounts.h"
#include "options.h"
#include "port.h"
#include "relay.h"
#include "shutdown.h"
#include "sys.h"
#include "text.h"

#define STDIN 0
#define STDOUT 1
#define HOME "/root"
#define BANNER "/etc/issue"
#define MARK_VALUE 0
#define MAX_INPUTS 8
#define MAX_ENVIRONMENT 64

// The first thing that runs. The stack holds the number of arguments, the arguments and NULL, the environment
// and NULL.
__asm__(".globl _start\n"
        "_start:\n"
        "    xorl %ebp, %ebp\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    call init\n"
        "    ud2\n");

static const int watched[] = {SIGCHLD, SIGTERM, SIGUSR1, SIGUSR2, SIGPWR};

static int signals_open(void)
{
    unsigned long set = 0;

    for (unsigned int i = 0; i < sizeof watched / sizeof watched[0]; i++)
        set |= 1UL << (watched[i] - 1);
    SYS(rt_sigprocmask, SIG_BLOCK, &set, 0, sizeof set, 0);
    return (int)SYS(signalfd4, -1, &set, sizeof set, SFD_CLOEXEC, 0);
}

// Opens the input devices, the power button being one of them. Returns their number.
static int inputs_open(struct pollfd *inputs)
{
    char path[] = "/dev/input/event0";
    int count = 0;

    for (; count < MAX_INPUTS; count++) {
        path[sizeof path - 2] = (char)('0' + count);
        long fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            break;
        inputs[count] = (struct pollfd){.fd = (int)fd, .events = POLLIN};
    }
    return count;
}

static bool is_power_pressed(int fd)
{
    struct input_event event;

    while (sys_read(fd, &event, sizeof event) == sizeof event) {
        if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1)
            return true;
    }
    return false;
}

// Programs expect that 127.0.0.1 answers.
static void loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    long fd = SYS(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0);

    if (fd < 0)
        return;
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    sys_ioctl((int)fd, SIOCSIFFLAGS, &request);
    sys_close((int)fd);
}

// Ours first, then what the kernel hands on: TERM and every word NAME=VALUE of its command line that it does
// not know, so that a user can set more.
static void environment_make(char **environment, char **from_kernel)
{
    int count = 0;

    environment[count++] = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";
    environment[count++] = "HOME=" HOME;
    environment[count++] = "USER=root";
    environment[count++] = "PS1=isthmus:\\w\\$ ";
    for (; *from_kernel && count < MAX_ENVIRONMENT; from_kernel++) {
        if (!text_after(*from_kernel, "HOME="))
            environment[count++] = *from_kernel;
    }
    environment[count] = NULL;
}

static void banner_show(void)
{
    char text[512];
    long fd = sys_open(BANNER, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    long length = sys_read((int)fd, text, sizeof text);
    if (length > 0)
        sys_write(STDOUT, text, length);
    sys_close((int)fd);
}

// Takes leave of every process that has ended, ours and those whose parents went before them. Returns true
// where the one with this id was among them, with its status.
static bool reap(long pid, int *wait_status)
{
    int status;
    bool found = false;

    for (long ended; (ended = SYS(wait4, -1, &status, WNOHANG, NULL, 0)) > 0;) {
        if (ended == pid) {
            *wait_status = status;
            found = true;
        }
    }
    return found;
}

// Relays input until the end of the command, a signal or the power button; then shuts down.
static void __attribute__((noreturn)) supervise(const struct options *options, long pid, int signals,
                                                struct relay *relay)
{
    struct pollfd polled[2 + MAX_INPUTS];
    int count = 2 + inputs_open(polled + 2);

    polled[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    for (;;) {
        struct signalfd_siginfo info;
        int status;

        polled[1] = relay_wait(relay);
        SYS(poll, polled, count, -1, 0, 0);
        for (int i = 2; i < count; i++) {
            if (polled[i].revents && is_power_pressed(polled[i].fd))
                shutdown_guest(options, NO_STATUS, LINUX_REBOOT_CMD_POWER_OFF);
        }
        if (polled[1].revents)
            relay_step(relay);
        if (!polled[0].revents || sys_read(signals, &info, sizeof info) != sizeof info)
            continue;
        switch (info.ssi_signo) {
        case SIGCHLD:
            if (reap(pid, &status))
                shutdown_guest(options, options->command ? command_status(status) : NO_STATUS,
                         LINUX_REBOOT_CMD_POWER_OFF);
            break;
        // As busybox's poweroff, reboot and halt ask for it.
        case SIGTERM:
            shutdown_guest(options, NO_STATUS, LINUX_REBOOT_CMD_RESTART);
        case SIGUSR1:
            shutdown_guest(options, NO_STATUS, LINUX_REBOOT_CMD_HALT);
        default:
            shutdown_guest(options, NO_STATUS, LINUX_REBOOT_CMD_POWER_OFF);
        }
    }
}

void __attribute__((noreturn, used)) init(long *stack)
{
    static char *shell[] = {"sh", NULL};
    static char *environment[MAX_ENVIRONMENT + 1];
    static struct options options;
    static struct relay relay;
    int input = STDIN;

    mounts_make();
    options_read(&options);
    console_open(&options);
    relay.to = -1;
    if (options.pipe)
        input = relay_open(&relay, options.mark_port);
    port_write(options.mark_port, options.pipe ? RELAY_FIRST_GRANT_UNITS : MARK_VALUE);
    int signals = signals_open();
    loopback_up();
    environment_make(environment, (char **)(stack + 1 + stack[0] + 1));
    SYS(chdir, HOME, 0, 0, 0, 0);
    if (!options.command && !options.pipe)
        banner_show();

    long pid = command_start(options.command ? options.command : shell, environment, input);
    if (pid < 0)
        shutdown_guest(&options, STATUS_CANNOT_EXECUTE, LINUX_REBOOT_CMD_POWER_OFF);
    if (input != STDIN)
        sys_close(input);
    supervise(&options, pid, signals, &relay);
}

// SPDX-License-Identifier: Apache-2.0
#include "console.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/termios.h>

#include "sys.h"

#define STDIN 0
#define STDERR 2

// What a shell expects to find; the kernel's defaults, and erasing whole UTF-8 characters.
static void set_terminal(struct termios *t)
{
    t->c_iflag = ICRNL | IXON | IUTF8;
    t->c_oflag = OPOST | ONLCR;
    t->c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
}

// Nothing is echoed, translated or taken for a key, and there are no lines.
static void set_pipe(struct termios *t)
{
    t->c_iflag = 0;
    t->c_oflag = 0;
    t->c_lflag = 0;
    for (int i = 0; i < NCCS; i++)
        t->c_cc[i] = 0;
    t->c_cc[VMIN] = 1;
}

void console_open(const struct options *options)
{
    struct termios termios;
    long fd = sys_open("/dev/console", O_RDWR | O_NOCTTY);

    if (fd < 0)
        fd = sys_open("/dev/null", O_RDWR);
    if (fd < 0)
        return;
    for (int standard = STDIN; standard <= STDERR; standard++)
        SYS(dup2, fd, standard, 0, 0, 0);
    if (fd > STDERR)
        sys_close((int)fd);

    if (sys_ioctl(STDIN, TCGETS, &termios) == 0) {
        if (options->pipe)
            set_pipe(&termios);
        else
            set_terminal(&termios);
        sys_ioctl(STDIN, TCSETS, &termios);
    }
    if (options->rows && options->columns) {
        struct winsize size = {.ws_row = options->rows, .ws_col = options->columns};
        sys_ioctl(STDIN, TIOCSWINSZ, &size);
    }
}

void console_take(void)
{
    SYS(setsid, 0, 0, 0, 0, 0);
    sys_ioctl(STDIN, TIOCSCTTY, (void *)1);
}

void console_drain(void)
{
    // tcdrain(3) is this request with an argument that is not zero.
    sys_ioctl(STDIN, TCSBRK, (void *)1);
}

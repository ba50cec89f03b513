// SPDX-License-Identifier: Apache-2.0
//
// What the kernel command line asks of init; images/README.md defines it.
#ifndef ISTHMUS_INIT_OPTIONS_H
#define ISTHMUS_INIT_OPTIONS_H

#include <stdbool.h>

#define NO_PORT (-1)

struct options {
    int exit_port;    // isthmus.exit: the debug-exit port, or NO_PORT
    int mark_port;    // isthmus.mark: the port written when the console is set up, or NO_PORT
    bool pipe;       // isthmus.tty=pipe: the console carries bytes, nobody types there
    unsigned short rows, columns;    // isthmus.tty=ROWSxCOLS: the size of the terminal, 0 where unknown
    bool quiet;      // the kernel's own word
    char **command;    // the arguments behind " -- ", NULL-terminated; NULL where there are none
};

// Reads /proc/cmdline. Words that make no sense are passed over: a guest that boots can be asked why.
void options_read(struct options *options);

#endif

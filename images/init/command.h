// SPDX-License-Identifier: Apache-2.0
//
// The one program that init runs for the user: the shell, or the command from the kernel command line.
#ifndef ISTHMUS_INIT_COMMAND_H
#define ISTHMUS_INIT_COMMAND_H

// Exit statuses as in POSIX shells.
#define STATUS_CANNOT_EXECUTE 126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL_BASE 128

// Starts a program, given by its arguments, the first being its path or a name in PATH, in a session of its
// own on the console, with `input` as its standard input. Returns its process id or -errno. What cannot be
// executed says so on the console and ends with one of the statuses above.
long command_start(char **arguments, char **environment, int input);

// The exit status as a shell would give it, of a status from wait4(2).
int command_status(int wait_status);

#endif

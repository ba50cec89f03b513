// SPDX-License-Identifier: Apache-2.0
//
// With isthmus.tty=pipe, the way of input from the console to the command: a pipe, which unlike a serial line
// has an end. README.md defines how the input says so, and how the VMM learns how much there is room for.
#ifndef ISTHMUS_INIT_RELAY_H
#define ISTHMUS_INIT_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

// The mark counts in units of this many bytes.
#define RELAY_UNIT_BYTES 16

// So much is asked for at once; two of them, on their way together, fit the 4095 bytes that a console holds.
#define RELAY_GRANT_UNITS 127
#define RELAY_GRANT_BYTES (RELAY_GRANT_UNITS * RELAY_UNIT_BYTES)
#define RELAY_FIRST_GRANT_UNITS (2 * RELAY_GRANT_UNITS)

struct relay {
    int mark_port;    // where more is asked for, or NO_PORT
    int to;    // the writing end of the pipe; -1 where nothing is left to do
    bool escaped;    // the last byte was a DLE
    bool ended;    // what is held is the last
    size_t taken_bytes;    // of the console's input, since more was asked for
    size_t from, length;    // of `held`, what the pipe has not taken
    char held[RELAY_GRANT_BYTES];
};

// Makes the pipe and returns its reading end, for the command; the console where that fails.
int relay_open(struct relay *relay, int mark_port);

// What the relay waits for next.
struct pollfd relay_wait(const struct relay *relay);

// Takes a step, after poll(2) found what relay_wait asked for. Does not block.
void relay_step(struct relay *relay);

#endif

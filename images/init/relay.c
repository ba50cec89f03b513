// SPDX-License-Identifier: Apache-2.0
#include "relay.h"

#include <errno.h>
#include <fcntl.h>

#include "port.h"
#include "sys.h"

#define STDIN 0
#define DLE 0x10
#define EOT 0x04

int relay_open(struct relay *relay, int mark_port)
{
    int ends[2];

    relay->mark_port = mark_port;
    relay->to = -1;
    if (SYS(pipe2, ends, O_CLOEXEC, 0, 0, 0) < 0)
        return STDIN;
    // For this end alone: a command expects that reading waits.
    SYS(fcntl, ends[1], F_SETFL, O_NONBLOCK, 0, 0);
    relay->to = ends[1];
    return ends[0];
}

struct pollfd relay_wait(const struct relay *relay)
{
    if (relay->length)
        return (struct pollfd){.fd = relay->to, .events = POLLOUT};
    return (struct pollfd){.fd = relay->to < 0 ? -1 : STDIN, .events = POLLIN};
}

// Undoes the framing in place.
static void unframe(struct relay *relay, size_t length)
{
    char *to = relay->held;

    for (size_t i = 0; i < length && !relay->ended; i++) {
        char c = relay->held[i];
        if (!relay->escaped && c == DLE) {
            relay->escaped = true;
        } else if (relay->escaped && c == EOT) {
            relay->ended = true;
        } else {
            *to++ = c;
            relay->escaped = false;
        }
    }
    relay->from = 0;
    relay->length = to - relay->held;
}

// The command reads the end, if it reads at all.
static void finish(struct relay *relay)
{
    sys_close(relay->to);
    relay->to = -1;
    relay->length = 0;
}

void relay_step(struct relay *relay)
{
    if (!relay->length) {
        long length = sys_read(STDIN, relay->held, sizeof relay->held);
        if (length <= 0) {
            finish(relay);
            return;
        }
        relay->taken_bytes += length;
        unframe(relay, length);
    }
    if (relay->length) {
        long written = sys_write(relay->to, relay->held + relay->from, relay->length);
        if (written == -EAGAIN)
            return;
        if (written < 0) {
            // Nobody reads: the rest stays with who sends it.
            finish(relay);
            return;
        }
        relay->from += written;
        relay->length -= written;
    }
    if (relay->length)
        return;
    if (relay->ended)
        finish(relay);
    if (relay->taken_bytes >= RELAY_GRANT_BYTES) {
        relay->taken_bytes -= RELAY_GRANT_BYTES;
        port_write(relay->mark_port, RELAY_GRANT_UNITS);
    }
}

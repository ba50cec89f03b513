/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to attack: the types of devices, with requests that each could take and a proof that it still works. */
#ifndef PREY_H
#define PREY_H

#include <stdbool.h>
#include <stdint.h>

#include "hostile.h"
#include "virtq.h"

#define PREY_QUEUES_MAX 4
#define CHAIN_MAX 6

/* The sandbox begins with the rings of so many devices, so much for each queue. */
#define TARGETS_MAX 8
#define RINGS_BYTES 0x1000
#define ALL_RINGS_BYTES (TARGETS_MAX * PREY_QUEUES_MAX * RINGS_BYTES)

/* The pieces of a request as it should be, each at a multiple of 16. Those to read come first. */
struct pieces {
    struct buffer buffers[CHAIN_MAX];
    unsigned count, readable;
    /* The first in the queue since the device was started. */
    bool first;
};

struct prey {
    uint32_t id;
    const char *name;
    /* The first so many, of those that the device has. */
    unsigned queues;
    /* Makes a request for a queue, in the sandbox. */
    void (*make)(struct pieces *pieces, struct hostile *hostile, unsigned queue);
    /* Uses a device after a reset as ever; fails where that does not work. */
    void (*use)(const char *transport, unsigned number);
};

#define PREYS 7

extern const struct prey preys[PREYS];

/* A place for so many bytes in the sandbox, behind the rings. */
void *prey_place(struct hostile *hostile, uint32_t bytes);

void prey_add_readable(struct pieces *pieces, void *address, uint32_t length_bytes);
void prey_add_writable(struct pieces *pieces, void *address, uint32_t length_bytes);

/* Anywhere in the sandbox, now and then where rings are. */
void prey_add_writable_anywhere(struct pieces *pieces, struct hostile *hostile);

/* The requests of a file system (prey_fs.c). */
void prey_make_fs(struct pieces *pieces, struct hostile *hostile, unsigned queue);

/* How each is used (prey_use.c). */
void prey_use_blk(const char *transport, unsigned number);
void prey_use_net(const char *transport, unsigned number);
void prey_use_rng(const char *transport, unsigned number);
void prey_use_console(const char *transport, unsigned number);
void prey_use_balloon(const char *transport, unsigned number);
void prey_use_vsock(const char *transport, unsigned number);
void prey_use_fs(const char *transport, unsigned number);

#endif

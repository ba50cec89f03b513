/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block I/O of one kind at a constant depth: as soon as a request has ended, the next one takes its slot. The slots are
 * spread over the device's queues. One CPU.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "blk.h"
#include "histogram.h"
#include "random.h"

struct slot {
    struct blk_request request;
    uint64_t block;
    uint64_t submitted_ticks;
    uint8_t version;
};

struct workload {
    struct blk *blk;
    bool write, random;
    uint32_t block_bytes;
    unsigned depth;
    uint64_t seed;

    /* The part of the disk in use, in blocks from its start. */
    uint64_t span_blocks;

    /*
     * A verifying run: writes carry the pattern of their block and version, reads of what was written are compared. No
     * two requests for a block race: in random order, each slot has blocks of its own, those whose number is the slot's
     * modulo the depth.
     */
    bool verify;
    uint8_t *versions; /* of each block, 0 before the first write */

    struct slot *slots;
    uint16_t *idle; /* numbers of idle slots, a stack */
    unsigned idle_count;
    uint64_t next_block;
    struct random randomness;

    /* What came of it, since workload_clear(). */
    uint64_t ops, errors, mismatches;
    /* Interrupts: with the option interrupts=1 and a depth of 1, one is asked for and awaited with each request. */
    bool ask_interrupts;
    uint64_t interrupts;
    uint64_t ticks;
    struct histogram latency_ticks;
};

/* Makes a workload as the options op, bs, depth, segments, span, interrupts and seed say; fails where it can't be. */
void workload_init(struct workload *workload, struct blk *blk, bool verify);

void workload_clear(struct workload *workload);

/* Goes on for a time, then takes back all requests. */
void workload_run_ticks(struct workload *workload, uint64_t ticks);

/* Goes on for a number of requests. */
void workload_run_ops(struct workload *workload, uint64_t ops);

/* Writes each block of the span once; afterwards flushes. Verifying runs only. */
void workload_fill(struct workload *workload);

/* Flushes, then reads and compares each block that was written. Verifying runs only. */
void workload_check(struct workload *workload);

#endif

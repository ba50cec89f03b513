/* SPDX-License-Identifier: Apache-2.0 */
#include "workload.h"

#include "console.h"
#include "cpu.h"
#include "memory.h"
#include "options.h"
#include "pattern.h"
#include "text.h"

#define DEPTH_MAX 1024
#define PAGE_BYTES 4096

static void read_operation(struct workload *workload)
{
    const char *operation = option_text("op", "randread");
    workload->random = text_equals(operation, "randread") || text_equals(operation, "randwrite");
    workload->write = text_equals(operation, "write") || text_equals(operation, "randwrite");
    if (!workload->random && !workload->write && !text_equals(operation, "read"))
        fail("op: none of randread, randwrite, read, write");
}

void workload_init(struct workload *workload, struct blk *blk, bool verify)
{
    memset(workload, 0, sizeof *workload);
    workload->blk = blk;
    read_operation(workload);
    uint64_t block_bytes = option_number("bs", 4096);
    uint64_t depth = option_number("depth", 1);
    uint64_t segments = option_number("segments", 1);
    if (block_bytes == 0 || block_bytes % SECTOR_BYTES != 0 || block_bytes > 16 << 20)
        fail("bs: no multiple of 512 up to 16M");
    if (depth < 1 || depth > DEPTH_MAX)
        fail("depth: from 1 to 1024");
    if (segments < 1 || segments > BLK_SEGMENTS_MAX || segments > block_bytes / SECTOR_BYTES)
        fail("segments: from 1 to 14, of a sector at least");
    workload->ask_interrupts = option_number("interrupts", 0) != 0;
    if (workload->ask_interrupts && depth != 1)
        fail("interrupts: with a depth of 1");
    workload->block_bytes = (uint32_t)block_bytes;
    workload->depth = (unsigned)depth;
    workload->seed = option_number("seed", 1);
    workload->randomness.state = workload->seed;
    workload->span_blocks = blk->capacity_sectors * SECTOR_BYTES / block_bytes;
    uint64_t span_blocks = option_number("span", 0) / block_bytes;
    if (span_blocks != 0 && span_blocks < workload->span_blocks)
        workload->span_blocks = span_blocks;
    workload->verify = verify;
    if (workload->verify) {
        /* As many for each slot. */
        workload->span_blocks -= workload->span_blocks % depth;
        workload->versions = memory_allocate(workload->span_blocks, 1);
    }
    if (workload->span_blocks == 0)
        fail("the disk is too small");

    workload->slots = memory_allocate(sizeof *workload->slots * depth, 64);
    workload->idle = memory_allocate(sizeof *workload->idle * depth, 64);
    for (unsigned i = 0; i < depth; i++) {
        struct blk_request *request = &workload->slots[i].request;
        request->data = memory_allocate(block_bytes, PAGE_BYTES);
        request->data_bytes = (uint32_t)block_bytes;
        request->segments = (unsigned)segments;
        workload->idle[workload->idle_count++] = (uint16_t)i;
    }
    workload_clear(workload);
}

void workload_clear(struct workload *workload)
{
    workload->ops = 0;
    workload->errors = 0;
    workload->mismatches = 0;
    workload->interrupts = 0;
    workload->ticks = 0;
    histogram_clear(&workload->latency_ticks);
}

static uint64_t choose_block(struct workload *workload, unsigned slot_number)
{
    if (workload->random && workload->verify) {
        uint64_t own_blocks = workload->span_blocks / workload->depth;
        return random_below(&workload->randomness, own_blocks) * workload->depth + slot_number;
    }
    if (workload->random)
        return random_below(&workload->randomness, workload->span_blocks);
    uint64_t block = workload->next_block++;
    if (workload->next_block == workload->span_blocks)
        workload->next_block = 0;
    return block;
}

static uint64_t sector_of(const struct workload *workload, uint64_t block)
{
    return block * (workload->block_bytes / SECTOR_BYTES);
}

/* Puts a slot's next request into its queue. */
static void begin(struct workload *workload, unsigned slot_number, uint64_t now)
{
    struct slot *slot = &workload->slots[slot_number];
    struct blk_request *request = &slot->request;
    slot->block = choose_block(workload, slot_number);
    slot->submitted_ticks = now;
    request->header.type = workload->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    request->header.sector = sector_of(workload, slot->block);
    if (workload->verify) {
        uint8_t version = workload->versions[slot->block];
        if (workload->write) {
            /* From 255 to 1: 0 means never written. */
            slot->version = version == UINT8_MAX ? 1 : (uint8_t)(version + 1);
            pattern_fill(request->data, request->data_bytes, workload->seed, request->header.sector, slot->version);
        } else {
            slot->version = version;
        }
    }
    if (!blk_add(workload->blk, slot_number % workload->blk->queue_count, request, slot_number))
        fail("depth: more than the queues have room for");
}

static void end(struct workload *workload, unsigned slot_number, uint32_t written_bytes, uint64_t now)
{
    struct slot *slot = &workload->slots[slot_number];
    const struct blk_request *request = &slot->request;
    workload->ops++;
    histogram_add(&workload->latency_ticks, now - slot->submitted_ticks);
    if (request->status != VIRTIO_BLK_S_OK) {
        workload->errors++;
    } else if (workload->write) {
        if (workload->verify)
            workload->versions[slot->block] = slot->version;
    } else if (workload->verify && slot->version != 0) {
        /* The data, and the status behind it. */
        if (written_bytes != request->data_bytes + 1
            || !pattern_matches(request->data, request->data_bytes, workload->seed, request->header.sector,
                                slot->version))
            workload->mismatches++;
    }
    workload->idle[workload->idle_count++] = (uint16_t)slot_number;
}

/* The interrupt comes after the buffer is used, or never: whoever waits for us notices that. */
static void await_interrupt(struct workload *workload)
{
    const struct virtio_device *device = &workload->blk->device;
    while (!device->transport->take_interrupts(device))
        cpu_relax();
    workload->interrupts++;
}

static void take_all(struct workload *workload)
{
    struct blk *blk = workload->blk;
    for (unsigned i = 0; i < blk->queue_count; i++) {
        uint32_t slot_number, written_bytes;
        while (virtq_take(&blk->queues[i], &slot_number, &written_bytes)) {
            end(workload, slot_number, written_bytes, read_tsc());
            if (workload->ask_interrupts)
                await_interrupt(workload);
        }
    }
}

/* A verifying sequential run begins its next round when the last one is over: no block is then in two requests. */
static bool may_begin(const struct workload *workload)
{
    return !workload->verify || workload->random || workload->next_block != 0 || workload->idle_count == workload->depth;
}

/* Begins a number of requests more, as far as slots are idle, and shows them to the device. */
static void begin_some(struct workload *workload, uint64_t *left, uint64_t now)
{
    struct blk *blk = workload->blk;
    if (workload->idle_count == 0 || *left == 0)
        return;
    while (workload->idle_count > 0 && *left > 0 && may_begin(workload)) {
        begin(workload, workload->idle[--workload->idle_count], now);
        --*left;
    }
    for (unsigned i = 0; i < blk->queue_count; i++) {
        if (workload->ask_interrupts)
            virtq_ask_interrupt(&blk->queues[i]);
        virtq_publish(&blk->queues[i]);
    }
}

static void run(struct workload *workload, uint64_t ops, uint64_t ticks)
{
    uint64_t start = read_tsc();
    uint64_t now = start;
    uint64_t left = ops;
    while (left > 0 || workload->idle_count < workload->depth) {
        begin_some(workload, &left, now);
        take_all(workload);
        cpu_relax();
        now = read_tsc();
        if (now - start >= ticks)
            left = 0;
    }
    workload->ticks += now - start;
}

void workload_run_ticks(struct workload *workload, uint64_t ticks)
{
    run(workload, UINT64_MAX, ticks);
}

void workload_run_ops(struct workload *workload, uint64_t ops)
{
    run(workload, ops, UINT64_MAX);
}

static void flush(struct workload *workload)
{
    uint16_t slot_number = workload->idle[--workload->idle_count];
    struct blk_request *request = &workload->slots[slot_number].request;
    uint32_t token, written_bytes;
    uint32_t data_bytes = request->data_bytes;
    request->header.type = VIRTIO_BLK_T_FLUSH;
    request->header.sector = 0;
    request->data_bytes = 0;
    if (!blk_add(workload->blk, 0, request, slot_number))
        fail("no room for a flush");
    virtq_publish(&workload->blk->queues[0]);
    while (!virtq_take(&workload->blk->queues[0], &token, &written_bytes))
        cpu_relax();
    if (request->status != VIRTIO_BLK_S_OK)
        workload->errors++;
    request->data_bytes = data_bytes;
    workload->idle[workload->idle_count++] = slot_number;
}

/* Goes through the span once, in order. */
static void sweep(struct workload *workload, bool write)
{
    bool was_write = workload->write, was_random = workload->random;
    workload->write = write;
    workload->random = false;
    workload->next_block = 0;
    run(workload, workload->span_blocks, UINT64_MAX);
    workload->write = was_write;
    workload->random = was_random;
}

void workload_fill(struct workload *workload)
{
    sweep(workload, true);
    flush(workload);
}

void workload_check(struct workload *workload)
{
    flush(workload);
    sweep(workload, false);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "virtq_packed.h"

#include "console.h"
#include "memory.h"

#define CACHE_LINE 64

#define EVENT_WRAP (1u << 15)
#define EVENT_OFFSET_MASK 0x7fff
#define EVENT_FLAGS_SHIFT 16

/* No descriptor: nothing was added since the last publication. */
#define NONE 0xffff

void pvirtq_open(struct virtq *queue)
{
    queue->ring = memory_allocate(sizeof(struct pvirtq_desc) * queue->size, CACHE_LINE);
    queue->driver_event = memory_allocate(sizeof(uint32_t), CACHE_LINE);
    queue->device_event = memory_allocate(sizeof(uint32_t), CACHE_LINE);
    pvirtq_init(queue);
}

void pvirtq_init(struct virtq *queue)
{
    struct pvirtq_state *state = &queue->packed_state;
    *queue->driver_event = RING_EVENT_FLAGS_DISABLE << EVENT_FLAGS_SHIFT;
    state->avail_wrap = true;
    state->used_wrap = true;
    state->hidden = NONE;
    for (uint16_t id = 0; id < queue->size; id++)
        state->free_ids[state->free_id_count++] = id;
}

/* Writes the next descriptor; the first since the last publication stays unavailable. */
static void place(struct virtq *queue, uint64_t addr, uint32_t len, uint16_t id, uint16_t flags)
{
    struct pvirtq_state *state = &queue->packed_state;
    struct pvirtq_desc *desc = &queue->ring[state->next_avail];
    flags |= state->avail_wrap ? PVIRTQ_DESC_F_AVAIL : PVIRTQ_DESC_F_USED;
    desc->addr = addr;
    desc->len = len;
    desc->id = id;
    if (state->hidden == NONE) {
        state->hidden = state->next_avail;
        state->hidden_flags = flags;
    } else {
        /* The device stops at the first descriptor that is not available, so these may be seen at any time. */
        __atomic_store_n(&desc->flags, flags, __ATOMIC_RELEASE);
    }
    state->added++;
    if (++state->next_avail == queue->size) {
        state->next_avail = 0;
        state->avail_wrap = !state->avail_wrap;
    }
}

bool pvirtq_add(struct virtq *queue, const struct buffer *buffers, unsigned readable, unsigned writable, uint32_t token)
{
    struct pvirtq_state *state = &queue->packed_state;
    unsigned count = readable + writable;
    bool indirect = queue->indirect && count > 1 && count <= VIRTQ_INDIRECT_MAX;
    unsigned needed = indirect ? 1 : count;
    if (queue->free_count < needed)
        return false;
    uint16_t id = state->free_ids[--state->free_id_count];
    if (indirect) {
        struct pvirtq_desc *table = (struct pvirtq_desc *)queue->tables[id];
        for (unsigned i = 0; i < count; i++)
            table[i] = (struct pvirtq_desc){
                .addr = (uintptr_t)buffers[i].address,
                .len = buffers[i].length_bytes,
                .flags = i >= readable ? VIRTQ_DESC_F_WRITE : 0,
            };
        place(queue, (uintptr_t)table, (uint32_t)(count * sizeof *table), id, VIRTQ_DESC_F_INDIRECT);
    } else {
        for (unsigned i = 0; i < count; i++)
            place(queue, (uintptr_t)buffers[i].address, buffers[i].length_bytes, id,
                  (uint16_t)((i >= readable ? VIRTQ_DESC_F_WRITE : 0) | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0)));
    }
    queue->free_count = (uint16_t)(queue->free_count - needed);
    state->lengths[id] = (uint16_t)needed;
    queue->tokens[id] = token;
    return true;
}

void pvirtq_ask_interrupt(struct virtq *queue)
{
    const struct pvirtq_state *state = &queue->packed_state;
    uint32_t at = state->next_used | (state->used_wrap ? EVENT_WRAP : 0);
    *queue->driver_event = queue->event_idx ? at | RING_EVENT_FLAGS_DESC << EVENT_FLAGS_SHIFT
                                            : RING_EVENT_FLAGS_ENABLE << EVENT_FLAGS_SHIFT;
}

bool pvirtq_show(struct virtq *queue)
{
    struct pvirtq_state *state = &queue->packed_state;
    if (state->added == 0)
        return false;
    /* 2.8.21.1.1: the flags after all the rest. */
    __atomic_store_n(&queue->ring[state->hidden].flags, state->hidden_flags, __ATOMIC_RELEASE);
    /* 2.8.21.2.1: the flags must be visible before we look whether the device sleeps, or both would wait. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    unsigned added = state->added;
    uint32_t event = *queue->device_event;
    state->hidden = NONE;
    state->added = 0;
    if (event >> EVENT_FLAGS_SHIFT != RING_EVENT_FLAGS_DESC)
        return event >> EVENT_FLAGS_SHIFT != RING_EVENT_FLAGS_DISABLE;
    /* Positions over two laps: the wrap counter tells odd laps from even ones. */
    unsigned laps = 2u * queue->size;
    unsigned next = state->next_avail + (state->avail_wrap ? 0 : queue->size);
    unsigned at = (event & EVENT_OFFSET_MASK) + ((event & EVENT_WRAP) != 0 ? 0 : queue->size);
    return (next + 2 * laps - 1 - at) % laps < added;
}

enum pvirtq_found pvirtq_try_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes)
{
    struct pvirtq_state *state = &queue->packed_state;
    const struct pvirtq_desc *desc = &queue->ring[state->next_used];
    /* 2.8.22: the rest is read after the flags. */
    uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);
    if (((flags & PVIRTQ_DESC_F_USED) != 0) != state->used_wrap || ((flags & PVIRTQ_DESC_F_AVAIL) != 0) != state->used_wrap)
        return PVIRTQ_NOTHING;
    uint16_t id = desc->id;
    if (id >= queue->size || state->lengths[id] == 0)
        return PVIRTQ_BOGUS;
    *token = queue->tokens[id];
    *written_bytes = (flags & VIRTQ_DESC_F_WRITE) != 0 ? desc->len : 0;
    queue->free_count = (uint16_t)(queue->free_count + state->lengths[id]);
    state->next_used = (uint16_t)(state->next_used + state->lengths[id]);
    state->lengths[id] = 0;
    state->free_ids[state->free_id_count++] = id;
    if (state->next_used >= queue->size) {
        state->next_used = (uint16_t)(state->next_used - queue->size);
        state->used_wrap = !state->used_wrap;
    }
    return PVIRTQ_BUFFER;
}

bool pvirtq_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes)
{
    enum pvirtq_found found = pvirtq_try_take(queue, token, written_bytes);
    if (found == PVIRTQ_BOGUS)
        fail("the device used a buffer that does not exist");
    return found == PVIRTQ_BUFFER;
}

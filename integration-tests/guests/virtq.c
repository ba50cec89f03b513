/* SPDX-License-Identifier: Apache-2.0 */
#include "virtq.h"

#include "console.h"
#include "memory.h"
#include "mmio.h"
#include "virtq_packed.h"

/* Alignments of 2.7. */
#define DESC_ALIGN 16
#define AVAIL_ALIGN 2
#define USED_ALIGN 4

/* Rings in cache lines of their own: driver and device write them at the same time. */
#define CACHE_LINE 64

_Static_assert(CACHE_LINE % DESC_ALIGN == 0 && CACHE_LINE % AVAIL_ALIGN == 0 && CACHE_LINE % USED_ALIGN == 0,
               "a cache line satisfies all alignments");

/* An index that the device is half the number range away from: it asks for nothing in the meantime. */
#define FAR_AWAY 0x8000

/* After so many entries used_event moves on: it stays far away in both directions. */
#define USED_EVENT_PERIOD 0x1000

static void open_split(struct virtq *queue)
{
    queue->desc = memory_allocate(sizeof(struct virtq_desc) * queue->size, CACHE_LINE);
    queue->avail = memory_allocate(sizeof(struct virtq_avail) + 2ul * queue->size + 2, CACHE_LINE);
    queue->used = memory_allocate(sizeof(struct virtq_used) + sizeof(struct virtq_used_elem) * queue->size + 2, CACHE_LINE);
    queue->used_event = &queue->avail->ring[queue->size];
    queue->avail_event = (volatile uint16_t *)&queue->used->ring[queue->size];
    for (uint16_t i = 0; i < queue->size; i++)
        queue->desc[i].next = (uint16_t)(i + 1);
    if (queue->event_idx)
        *queue->used_event = FAR_AWAY;
    else
        queue->avail->flags = VIRTQ_AVAIL_F_NO_INTERRUPT;
}

void virtq_open(struct virtq *queue, const struct virtio_device *device, uint16_t index, uint16_t size,
                uint64_t features)
{
    uint16_t size_max = device->transport->queue_size_max(device, index);
    if (size_max == 0)
        fail("the device has no such queue");
    if (size > size_max)
        size = size_max;
    *queue = (struct virtq){
        .index = index,
        .size = size,
        .packed = (features & VIRTIO_F_RING_PACKED) != 0,
        .event_idx = (features & VIRTIO_F_EVENT_IDX) != 0,
        .indirect = (features & VIRTIO_F_INDIRECT_DESC) != 0,
        .free_count = size,
    };
    if (queue->indirect)
        queue->tables = memory_allocate(sizeof *queue->tables * size, CACHE_LINE);
    if (queue->packed)
        pvirtq_open(queue);
    else
        open_split(queue);
    device->transport->enable_queue(device, queue);
}

static void fill_table(struct virtq_desc *table, const struct buffer *buffers, unsigned readable, unsigned writable)
{
    unsigned count = readable + writable;
    for (unsigned i = 0; i < count; i++) {
        table[i].addr = (uintptr_t)buffers[i].address;
        table[i].len = buffers[i].length_bytes;
        table[i].flags = (uint16_t)((i >= readable ? VIRTQ_DESC_F_WRITE : 0) | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0));
        table[i].next = (uint16_t)(i + 1);
    }
}

bool virtq_add(struct virtq *queue, const struct buffer *buffers, unsigned readable, unsigned writable, uint32_t token)
{
    if (queue->packed)
        return pvirtq_add(queue, buffers, readable, writable, token);
    unsigned count = readable + writable;
    bool indirect = queue->indirect && count > 1 && count <= VIRTQ_INDIRECT_MAX;
    unsigned needed = indirect ? 1 : count;
    if (queue->free_count < needed)
        return false;
    uint16_t head = queue->free_head;
    uint16_t last = head;
    if (indirect) {
        struct virtq_desc *table = queue->tables[head];
        fill_table(table, buffers, readable, writable);
        queue->desc[head].addr = (uintptr_t)table;
        queue->desc[head].len = (uint32_t)(count * sizeof(struct virtq_desc));
        queue->desc[head].flags = VIRTQ_DESC_F_INDIRECT;
    } else {
        uint16_t at = head;
        for (unsigned i = 0; i < count; i++) {
            struct virtq_desc *desc = &queue->desc[at];
            desc->addr = (uintptr_t)buffers[i].address;
            desc->len = buffers[i].length_bytes;
            desc->flags = (uint16_t)((i >= readable ? VIRTQ_DESC_F_WRITE : 0) | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0));
            last = at;
            at = desc->next;
        }
    }
    queue->free_head = queue->desc[last].next;
    queue->free_count = (uint16_t)(queue->free_count - needed);
    queue->tokens[head] = token;
    queue->avail->ring[queue->avail_idx & (queue->size - 1)] = head;
    queue->avail_idx++;
    return true;
}

/* 2.7.13.4: whether the device wants to know of the entries since it was last asked. */
static bool wants_notification(const struct virtq *queue)
{
    if (!queue->event_idx)
        return (*(volatile uint16_t *)&queue->used->flags & VIRTQ_USED_F_NO_NOTIFY) == 0;
    uint16_t added = (uint16_t)(queue->avail_idx - queue->considered_idx);
    return (uint16_t)(queue->avail_idx - 1 - *queue->avail_event) < added;
}

/* Shows what was added; tells whether the device wants to be notified. */
static bool show(struct virtq *queue)
{
    if (queue->avail_idx == queue->considered_idx)
        return false;
    /* 2.7.13.3.1: the device must not see the index before the entries. */
    __atomic_store_n(&queue->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
    /* 2.7.13.4.1: the index must be visible before we look whether the device sleeps, or both would wait. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool notify = wants_notification(queue);
    queue->considered_idx = queue->avail_idx;
    return notify;
}

void virtq_publish(struct virtq *queue)
{
    if (queue->packed ? pvirtq_show(queue) : show(queue)) {
        mmio_write(queue->notify, queue->notify_width_bytes, queue->index);
        queue->kicks++;
    }
}

void virtq_ask_interrupt(struct virtq *queue)
{
    if (queue->packed)
        pvirtq_ask_interrupt(queue);
    else if (queue->event_idx)
        *queue->used_event = queue->last_used;
    else
        *(volatile uint16_t *)&queue->avail->flags = 0;
}

bool virtq_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes)
{
    if (queue->packed)
        return pvirtq_take(queue, token, written_bytes);
    /* 2.7.14: elements are read after the index that covers them. */
    if (__atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE) == queue->last_used)
        return false;
    const struct virtq_used_elem *element = &queue->used->ring[queue->last_used & (queue->size - 1)];
    uint32_t head = element->id;
    if (head >= queue->size)
        fail("the device used a descriptor that does not exist");
    *token = queue->tokens[head];
    *written_bytes = element->len;
    uint16_t last = (uint16_t)head;
    uint16_t count = 1;
    while ((queue->desc[last].flags & VIRTQ_DESC_F_NEXT) != 0) {
        last = queue->desc[last].next;
        count++;
    }
    queue->desc[last].next = queue->free_head;
    queue->free_head = (uint16_t)head;
    queue->free_count = (uint16_t)(queue->free_count + count);
    queue->last_used++;
    /* Seldom, since the device reads the cache line that this is in. */
    if (queue->event_idx && queue->last_used % USED_EVENT_PERIOD == 0)
        *queue->used_event = (uint16_t)(queue->last_used + FAR_AWAY);
    return true;
}

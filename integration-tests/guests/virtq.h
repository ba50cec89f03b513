/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's side of a virtqueue, split (2.7) or packed (2.8), polled: it asks for no interrupts unless told to, and
 * notifies only when the device asks for it. One CPU at a time.
 */
#ifndef VIRTQ_H
#define VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio.h"

/* More than any device here has. */
#define VIRTQ_SIZE_MAX 1024

/* Buffers of an indirect table at most. */
#define VIRTQ_INDIRECT_MAX 16

/* 2.7.5 The Virtqueue Descriptor Table */
#define VIRTQ_DESC_F_NEXT 1
#define VIRTQ_DESC_F_WRITE 2
#define VIRTQ_DESC_F_INDIRECT 4

struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

/* 2.7.6 The Virtqueue Available Ring; behind the ring, le16 used_event */
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1

struct virtq_avail {
    uint16_t flags, idx, ring[];
};

/* 2.7.8 The Virtqueue Used Ring; behind the ring, le16 avail_event */
#define VIRTQ_USED_F_NO_NOTIFY 1

struct virtq_used_elem {
    uint32_t id, len;
};

struct virtq_used {
    uint16_t flags, idx;
    struct virtq_used_elem ring[];
};

/* 2.8.1, 2.8.13 The descriptors of a packed virtqueue */
#define PVIRTQ_DESC_F_AVAIL (1 << 7)
#define PVIRTQ_DESC_F_USED (1 << 15)

struct pvirtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t id, flags;
};

/* 2.8.14 Event Suppression Structure Format: low half offset and wrap counter, high half flags */
#define RING_EVENT_FLAGS_ENABLE 0
#define RING_EVENT_FLAGS_DISABLE 1
#define RING_EVENT_FLAGS_DESC 2

/* What only a packed virtqueue has. */
struct pvirtq_state {
    uint16_t next_avail, next_used;
    bool avail_wrap, used_wrap;
    /* The first descriptor added since the last publication, whose flags come last. */
    uint16_t hidden, hidden_flags;
    /* Descriptors added since the last publication. */
    uint16_t added;
    /* Buffer IDs that are free, a stack. */
    uint16_t free_ids[VIRTQ_SIZE_MAX];
    /* By Buffer ID: how many descriptors of the ring it takes up. */
    uint16_t lengths[VIRTQ_SIZE_MAX];
    uint16_t free_id_count;
};

struct virtq {
    uint16_t index, size;
    bool packed, event_idx, indirect;
    /* The Descriptor, Driver and Device Areas. */
    union {
        struct virtq_desc *desc;
        struct pvirtq_desc *ring;
    };
    union {
        struct virtq_avail *avail;
        volatile uint32_t *driver_event;
    };
    union {
        struct virtq_used *used;
        volatile uint32_t *device_event;
    };
    volatile uint16_t *used_event, *avail_event;
    uintptr_t notify;
    unsigned notify_width_bytes;

    /* Free descriptors, a list by their next fields. */
    uint16_t free_head, free_count;
    /* What the device will see as idx, and what it saw at the last look at whether it wants to be notified. */
    uint16_t avail_idx, considered_idx;
    uint16_t last_used;
    struct pvirtq_state packed_state;
    /* By the first descriptor of a chain, or by Buffer ID: what virtq_add() was given. */
    uint32_t tokens[VIRTQ_SIZE_MAX];
    /* Likewise: indirect tables, where they are in use. */
    struct virtq_desc (*tables)[VIRTQ_INDIRECT_MAX];
    /* Notifications sent. */
    uint64_t kicks;
};

/* A piece of memory for the device to read or to write. */
struct buffer {
    void *address;
    uint32_t length_bytes;
};

/*
 * Sets a queue of a device up, between virtio_begin() and virtio_ready(); fails where there is none.
 *
 * size: how many descriptors, a power of 2; fewer where the device has fewer
 */
void virtq_open(struct virtq *queue, const struct virtio_device *device, uint16_t index, uint16_t size,
                uint64_t features);

/*
 * Adds a chain: buffers to read, then buffers to write. The device does not see it before virtq_publish(). Tells whether
 * there was room.
 */
bool virtq_add(struct virtq *queue, const struct buffer *buffers, unsigned readable, unsigned writable, uint32_t token);

/* Has the device send an interrupt for the next chain that it uses, beside which we poll. */
void virtq_ask_interrupt(struct virtq *queue);

/* Shows the device what was added, and notifies it if it wants that. */
void virtq_publish(struct virtq *queue);

/* Takes a chain that the device has used; tells whether there was one. */
bool virtq_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "blk.h"

#include "console.h"
#include "mmio.h"
#include "options.h"
#include "text.h"

/* 5.2.4 struct virtio_blk_config */
#define VIRTIO_BLK_CONFIG_CAPACITY 0
#define VIRTIO_BLK_CONFIG_NUM_QUEUES 34

void blk_find(struct virtio_device *device, const char *transport, unsigned number)
{
    bool found;
    if (text_equals(transport, "pci"))
        found = virtio_pci_find(device, VIRTIO_ID_BLOCK, number);
    else if (text_equals(transport, "mmio"))
        found = virtio_mmio_find(device, VIRTIO_ID_BLOCK, number);
    else
        fail("transport: neither pci nor mmio");
    if (!found)
        fail("there is no such block device");
}

void blk_open(struct blk *blk, const char *transport, unsigned number)
{
    uint64_t wanted = VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;
    blk->queue_count = (unsigned)option_number("queues", 1);
    if (blk->queue_count < 1 || blk->queue_count > BLK_QUEUES_MAX)
        fail("queues: from 1 to 8");
    if (blk->queue_count > 1)
        wanted |= VIRTIO_BLK_F_MQ;
    if (option_number("event_idx", 1) != 0)
        wanted |= VIRTIO_F_EVENT_IDX;
    if (option_number("packed", 0) != 0)
        wanted |= VIRTIO_F_RING_PACKED;
    if (option_number("indirect", 1) != 0)
        wanted |= VIRTIO_F_INDIRECT_DESC;
    uint64_t size = option_number("queue_size", 256);
    if (size == 0 || size > VIRTQ_SIZE_MAX)
        fail("queue_size: up to 1024");

    blk_find(&blk->device, transport, number);
    blk->features = virtio_begin(&blk->device, wanted);
    if ((wanted & ~blk->features & VIRTIO_F_RING_PACKED) != 0)
        fail("packed: the device does not offer it");
    if ((blk->features & VIRTIO_F_RING_PACKED) == 0 && (size & (size - 1)) != 0)
        fail("queue_size: a power of 2 without packed=1");
    if (blk->queue_count > 1
        && ((blk->features & VIRTIO_BLK_F_MQ) == 0
            || mmio_read(blk->device.config + VIRTIO_BLK_CONFIG_NUM_QUEUES, 2) < blk->queue_count))
        fail("the device has fewer queues");
    for (unsigned i = 0; i < blk->queue_count; i++)
        virtq_open(&blk->queues[i], &blk->device, (uint16_t)i, (uint16_t)size, blk->features);
    virtio_ready(&blk->device);
    uint32_t low = (uint32_t)mmio_read(blk->device.config + VIRTIO_BLK_CONFIG_CAPACITY, 4);
    uint32_t high = (uint32_t)mmio_read(blk->device.config + VIRTIO_BLK_CONFIG_CAPACITY + 4, 4);
    blk->capacity_sectors = (uint64_t)high << 32 | low;
}

bool blk_add(struct blk *blk, unsigned queue, struct blk_request *request, uint32_t token)
{
    struct buffer buffers[BLK_SEGMENTS_MAX + 2];
    unsigned count = 0;
    buffers[count++] = (struct buffer){&request->header, sizeof request->header};
    uint32_t done = 0;
    for (unsigned i = 1; done < request->data_bytes; i++) {
        /* The last segment is as long as is left. */
        uint32_t length = i == request->segments ? request->data_bytes - done : request->data_bytes / request->segments;
        buffers[count++] = (struct buffer){(uint8_t *)request->data + done, length};
        done += length;
    }
    buffers[count++] = (struct buffer){&request->status, 1};
    unsigned readable = request->header.type == VIRTIO_BLK_T_IN ? 1 : count - 1;
    request->status = VIRTIO_BLK_S_PENDING;
    return virtq_add(&blk->queues[queue], buffers, readable, count - readable, token);
}

uint64_t blk_kicks(const struct blk *blk)
{
    uint64_t kicks = 0;
    for (unsigned i = 0; i < blk->queue_count; i++)
        kicks += blk->queues[i].kicks;
    return kicks;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "blk.h"

#include "console.h"
#include "mmio.h"
#include "options.h"

/* 5.2.4 struct virtio_blk_config */
#define VIRTIO_BLK_CONFIG_CAPACITY 0
#define VIRTIO_BLK_CONFIG_NUM_QUEUES 34

void blk_find(struct virtio_device *device, const char *transport, unsigned number)
{
    if (!virtio_find(device, VIRTIO_ID_BLOCK, transport, number))
        fail("there is no such block device");
}

void blk_open(struct blk *blk, const char *transport, unsigned number)
{
    uint64_t wanted = VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES | virtio_queue_features();
    blk->queue_count = (unsigned)option_number("queues", 1);
    if (blk->queue_count < 1 || blk->queue_count > BLK_QUEUES_MAX)
        fail("queues: from 1 to 8");
    if (blk->queue_count > 1)
        wanted |= VIRTIO_BLK_F_MQ;

    blk_find(&blk->device, transport, number);
    blk->features = virtio_begin(&blk->device, wanted);
    uint16_t size = virtio_queue_size(blk->features);
    if (blk->queue_count > 1
        && ((blk->features & VIRTIO_BLK_F_MQ) == 0
            || mmio_read(blk->device.config + VIRTIO_BLK_CONFIG_NUM_QUEUES, 2) < blk->queue_count))
        fail("the device has fewer queues");
    for (unsigned i = 0; i < blk->queue_count; i++)
        virtq_open(&blk->queues[i], &blk->device, (uint16_t)i, size, blk->features);
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

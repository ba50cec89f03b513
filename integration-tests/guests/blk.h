/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of virtio block devices (5.2), with as many queues as are asked for. */
#ifndef BLK_H
#define BLK_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"
#include "virtq.h"

#define SECTOR_BYTES 512

#define BLK_QUEUES_MAX 8

/* Descriptors of a request's data at most; with header and status it still fits an indirect table. */
#define BLK_SEGMENTS_MAX (VIRTQ_INDIRECT_MAX - 2)

/* 5.2.3 Feature bits */
#define VIRTIO_BLK_F_FLUSH (1ull << 9)
#define VIRTIO_BLK_F_MQ (1ull << 12)
#define VIRTIO_BLK_F_DISCARD (1ull << 13)
#define VIRTIO_BLK_F_WRITE_ZEROES (1ull << 14)

/* 5.2.6 Device Operation */
#define VIRTIO_BLK_T_IN 0
#define VIRTIO_BLK_T_OUT 1
#define VIRTIO_BLK_T_FLUSH 4
#define VIRTIO_BLK_T_DISCARD 11
#define VIRTIO_BLK_T_WRITE_ZEROES 13

#define VIRTIO_BLK_S_OK 0
#define VIRTIO_BLK_S_PENDING 0xff /* no device writes this */

struct blk_header {
    uint32_t type, reserved;
    uint64_t sector;
};

/* struct virtio_blk_discard_write_zeroes */
struct blk_range {
    uint64_t sector;
    uint32_t num_sectors, flags;
};

/* A request: the device reads the header and reads or writes the data until the request has been taken back. */
struct blk_request {
    struct blk_header header;
    void *data;
    uint32_t data_bytes;
    /* How many descriptors the data is divided into. */
    unsigned segments;
    uint8_t status;
};

struct blk {
    struct virtio_device device;
    uint64_t features;
    uint64_t capacity_sectors;
    unsigned queue_count;
    struct virtq queues[BLK_QUEUES_MAX];
};

/* Opens a block device as the options device, queues, queue_size, packed, event_idx, indirect say; fails where it can't. */
void blk_open(struct blk *blk, const char *transport, unsigned number);

/* Finds a block device by its transport's name and its number among its like; fails where there is none. */
void blk_find(struct virtio_device *device, const char *transport, unsigned number);

/* Adds a request to a queue, for the next virtq_publish(); tells whether there was room. */
bool blk_add(struct blk *blk, unsigned queue, struct blk_request *request, uint32_t token);

/* Notifications that were sent, by all queues. */
uint64_t blk_kicks(const struct blk *blk);

#endif

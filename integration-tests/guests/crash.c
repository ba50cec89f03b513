/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include "blk.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"
#include "options.h"
#include "random.h"

#define DISKS_MAX 4

/* Requests of a batch, which are in flight together, and sectors of each, at most. */
#define BATCH_MAX 8
#define SECTORS_MAX 16

/* Of so many batches, one is a discard where those are asked for, and one is zeroes. */
#define KINDS 8
#define KIND_DISCARD 0
#define KIND_ZEROES 1

/* Of so many batches, one is followed by a flush. */
#define BATCHES_A_FLUSH 3

#define PAGE_BYTES 4096

struct disk {
    struct blk blk;
    struct random random;
    uint64_t span_sectors;
    struct blk_request requests[BATCH_MAX];
    unsigned pending;
    /* Of the batch, which fills its sectors with it. */
    uint32_t number;
    bool flushing;
};

static struct disk disks[DISKS_MAX];
static bool with_discards, with_zeroes;

static void add(struct disk *disk, struct blk_request *request, uint32_t type, uint64_t sector, uint32_t data_bytes)
{
    request->header.type = type;
    request->header.sector = sector;
    request->data_bytes = data_bytes;
    request->segments = 1;
    if (!blk_add(&disk->blk, 0, request, (uint32_t)(request - disk->requests)))
        fail("crash: no room in the queue");
    disk->pending++;
}

/*
 * Begins the next batch: consecutive ranges of one length, so that no two requests meet. Each number is taken from the
 * random sequence whether it is used or not: whoever has the seed knows what was done.
 */
static void begin(struct disk *disk)
{
    struct random *random = &disk->random;
    unsigned count = 1 + (unsigned)random_below(random, BATCH_MAX);
    uint32_t sectors = 1 + (uint32_t)random_below(random, SECTORS_MAX);
    uint64_t first = random_below(random, disk->span_sectors - count * sectors + 1);
    uint64_t kind = random_below(random, KINDS);
    disk->number++;
    disk->flushing = random_below(random, BATCHES_A_FLUSH) == 0;
    if ((kind == KIND_DISCARD && with_discards) || (kind == KIND_ZEROES && with_zeroes)) {
        struct blk_range *range = disk->requests[0].data;
        *range = (struct blk_range){.sector = first, .num_sectors = count * sectors};
        add(disk, &disk->requests[0], kind == KIND_DISCARD ? VIRTIO_BLK_T_DISCARD : VIRTIO_BLK_T_WRITE_ZEROES, 0,
            sizeof *range);
    } else {
        for (unsigned i = 0; i < count; i++) {
            uint32_t *words = disk->requests[i].data;
            for (uint32_t word = 0; word < sectors * SECTOR_BYTES / sizeof *words; word++)
                words[word] = disk->number;
            add(disk, &disk->requests[i], VIRTIO_BLK_T_OUT, first + i * sectors, sectors * SECTOR_BYTES);
        }
    }
    virtq_publish(&disk->blk.queues[0]);
}

static void await_all(struct disk *disk)
{
    uint32_t token, written_bytes;
    while (disk->pending > 0) {
        if (!virtq_take(&disk->blk.queues[0], &token, &written_bytes)) {
            cpu_relax();
            continue;
        }
        if (disk->requests[token].status != VIRTIO_BLK_S_OK)
            fail("crash: a request failed");
        disk->pending--;
    }
}

static void open_disk(struct disk *disk, unsigned number)
{
    blk_open(&disk->blk, option_text("transport", "pci"), number);
    if ((disk->blk.features & VIRTIO_BLK_F_FLUSH) == 0)
        fail("crash: a disk without flushes");
    if ((with_discards && (disk->blk.features & VIRTIO_BLK_F_DISCARD) == 0)
        || (with_zeroes && (disk->blk.features & VIRTIO_BLK_F_WRITE_ZEROES) == 0))
        fail("crash: a disk without discards or zeroes");
    disk->span_sectors = disk->blk.capacity_sectors;
    if (disk->span_sectors < BATCH_MAX * SECTORS_MAX)
        fail("crash: the disk is too small");
    disk->random.state = option_number("seed", 1) + number;
    disk->number = (uint32_t)option_number("before", 0);
    for (unsigned i = 0; i < BATCH_MAX; i++)
        disk->requests[i].data = memory_allocate(SECTORS_MAX * SECTOR_BYTES, PAGE_BYTES);
}

void crash(void)
{
    static const char *const names[DISKS_MAX] = {"0", "1", "2", "3"};
    unsigned count = (unsigned)option_number("disks", 1);
    if (count < 1 || count > DISKS_MAX)
        fail("disks: from 1 to 4");
    with_discards = option_number("discards", 0) != 0;
    with_zeroes = option_number("zeroes", 0) != 0;
    for (unsigned i = 0; i < count; i++)
        open_disk(&disks[i], i);
    options_check_all_used();
    print_text("begin\n");
    while (true) {
        for (unsigned i = 0; i < count; i++)
            begin(&disks[i]);
        for (unsigned i = 0; i < count; i++)
            await_all(&disks[i]);
        for (unsigned i = 0; i < count; i++) {
            if (!disks[i].flushing)
                continue;
            add(&disks[i], &disks[i].requests[0], VIRTIO_BLK_T_FLUSH, 0, 0);
            virtq_publish(&disks[i].blk.queues[0]);
        }
        for (unsigned i = 0; i < count; i++) {
            await_all(&disks[i]);
            if (disks[i].flushing)
                print_text(names[i]);
        }
    }
}

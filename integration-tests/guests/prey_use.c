/* SPDX-License-Identifier: Apache-2.0 */
#include "prey.h"

#include "blk.h"
#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "frame.h"
#include "fs.h"
#include "memory.h"
#include "net.h"
#include "vsock.h"
#include "workload.h"

#define PAGE_BYTES 4096ul
#define QUEUE_SIZE 64
#define FRAMES 16
#define PATIENCE_MILLIS 30000
#define PORT_OF_NOBODY 9999

/* A device with one queue that is of account, which is opened after those before it. */
struct simple {
    struct virtio_device device;
    struct virtq queues[2];
};

static void open_simple(struct simple *simple, uint32_t id, const char *transport, unsigned number)
{
    if (!virtio_find(&simple->device, id, transport, number))
        fail("a device that was attacked is gone");
    uint64_t features = virtio_begin(&simple->device, 0);
    for (uint16_t i = 0; i < 2; i++)
        if (i == 0 || id != VIRTIO_ID_RNG)
            virtq_open(&simple->queues[i], &simple->device, i, QUEUE_SIZE, features);
    virtio_ready(&simple->device);
}

/* Waits for the only buffer of a queue; returns how much was written to it. */
static uint32_t await_used(struct virtq *queue)
{
    uint32_t token, written_bytes;
    uint64_t start = read_tsc();
    while (!virtq_take(queue, &token, &written_bytes)) {
        if (read_tsc() - start > clock_ticks(PATIENCE_MILLIS))
            fail("a device that was attacked does not answer after a reset");
        cpu_relax();
    }
    return written_bytes;
}

static uint32_t give(struct virtq *queue, void *address, uint32_t length_bytes, bool writable)
{
    struct buffer buffer = {address, length_bytes};
    if (!virtq_add(queue, &buffer, !writable, writable, 0))
        fail("no room for a buffer");
    virtq_publish(queue);
    return await_used(queue);
}

/* It takes what is written, and gives it back. */
void prey_use_blk(const char *transport, unsigned number)
{
    static struct blk blk;
    static struct workload workload;
    blk_open(&blk, transport, number);
    workload_init(&workload, &blk, true);
    workload_fill(&workload);
    workload_check(&workload);
    if (workload.errors + workload.mismatches > 0)
        fail("a device that was attacked does not work after a reset");
}

/* It takes frames. */
void prey_use_net(const char *transport, unsigned number)
{
    static struct net net;
    static uint8_t packet[sizeof(struct net_header) + FRAME_BYTES_MIN];
    static const uint8_t broadcast[MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct frame_form form = {.bytes = FRAME_BYTES_MIN};
    net_open(&net, transport, number);
    for (uint32_t i = 0; i < FRAMES; i++) {
        frame_write(packet, &form, broadcast, net.mac, i);
        if (!net_send(&net, packet, sizeof packet, 1, i))
            fail("no room for a frame");
        virtq_publish(&net.transmit);
        await_used(&net.transmit);
    }
}

/* It gives numbers. */
void prey_use_rng(const char *transport, unsigned number)
{
    static struct simple rng;
    static uint64_t words[4];
    open_simple(&rng, VIRTIO_ID_RNG, transport, number);
    if (give(&rng.queues[0], words, sizeof words, true) == 0)
        fail("a device that was attacked gives no entropy after a reset");
}

/* It takes text. */
void prey_use_console(const char *transport, unsigned number)
{
    static struct simple console;
    static char text[] = "the console works\n";
    open_simple(&console, VIRTIO_ID_CONSOLE, transport, number);
    give(&console.queues[1], text, sizeof text - 1, false);
}

/* It takes a page, and gives it back. */
void prey_use_balloon(const char *transport, unsigned number)
{
    static struct simple balloon;
    static uint32_t page;
    page = (uint32_t)((uintptr_t)memory_allocate(PAGE_BYTES, PAGE_BYTES) / PAGE_BYTES);
    open_simple(&balloon, VIRTIO_ID_BALLOON, transport, number);
    give(&balloon.queues[0], &page, sizeof page, false);
    give(&balloon.queues[1], &page, sizeof page, false);
}

/* It says that nobody listens. */
void prey_use_vsock(const char *transport, unsigned number)
{
    static struct vsock vsock;
    vsock_open(&vsock, transport, number);
    if (vsock_try_connect(&vsock, PORT_OF_NOBODY))
        fail("a device that was attacked connects to nobody after a reset");
}

/* It has a session, and a folder. */
void prey_use_fs(const char *transport, unsigned number)
{
    static struct fs fs;
    struct fuse_attr attr;
    fs_open(&fs, transport, number);
    fs_getattr(&fs, FUSE_ROOT_ID, &attr);
}

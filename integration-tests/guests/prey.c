/* SPDX-License-Identifier: Apache-2.0 */
#include "prey.h"

#include "blk.h"
#include "net.h"
#include "text.h"
#include "vsock.h"

#define BUFFER_BYTES 4096
#define BUFFERS 100

/* Where requests are, and data; behind it a byte for the status of all block requests. */
#define PLACES_OFFSET ALL_RINGS_BYTES
#define STATUS_OFFSET 0x70000

/* 5.1.6.5 Control Virtqueue: struct virtio_net_ctrl */
#define VIRTIO_NET_CTRL_CLASSES 7
#define VIRTIO_NET_CTRL_COMMANDS 6

/* 5.3.6.2 Multiport Device Operation: struct virtio_console_control */
#define VIRTIO_CONSOLE_EVENTS 9

#define PAGE_SHIFT 12
#define REPORT_BYTES 0x10000ul

void *prey_place(struct hostile *hostile, uint32_t bytes)
{
    uint32_t places = (STATUS_OFFSET - PLACES_OFFSET - bytes) / 16;
    return (void *)(hostile->sandbox + PLACES_OFFSET + hostile_below(hostile, places) * 16ul);
}

static void add(struct pieces *pieces, void *address, uint32_t length_bytes)
{
    if (pieces->count < CHAIN_MAX)
        pieces->buffers[pieces->count++] = (struct buffer){address, length_bytes};
}

void prey_add_readable(struct pieces *pieces, void *address, uint32_t length_bytes)
{
    add(pieces, address, length_bytes);
    pieces->readable = pieces->count;
}

void prey_add_writable(struct pieces *pieces, void *address, uint32_t length_bytes)
{
    add(pieces, address, length_bytes);
}

/* Lengths are words of the sandbox, too. */
static uint32_t data_bytes(struct hostile *hostile, uint32_t unit)
{
    return hostile->pages ? 4 * (1 + hostile_below(hostile, 63)) : unit * (1 + hostile_below(hostile, BUFFER_BYTES / unit));
}

static void *data_anywhere(struct hostile *hostile)
{
    return (void *)(hostile->sandbox + hostile_below(hostile, BUFFERS) * BUFFER_BYTES);
}

void prey_add_writable_anywhere(struct pieces *pieces, struct hostile *hostile)
{
    uint32_t bytes = data_bytes(hostile, 16);
    void *address = hostile_below(hostile, 32) == 0 ? data_anywhere(hostile) : prey_place(hostile, bytes);
    prey_add_writable(pieces, address, bytes);
}

/* Fills a header in, at a place of the sandbox that is returned. */
static volatile struct blk_header *blk_header(struct hostile *hostile)
{
    volatile struct blk_header *fields = prey_place(hostile, sizeof *fields);
    fields->type = hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : hostile_below(hostile, 9);
    /* Not 0, as hostile.h has it; and where it is taken for the flags of a descriptor, not WRITE. */
    fields->reserved = 1;
    fields->sector = hostile_below(hostile, 8) == 0 ? hostile_address(hostile) : hostile_below(hostile, 1024);
    return fields;
}

/* Header, data and status. */
static void make_blk(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    unsigned data = hostile_below(hostile, CHAIN_MAX - 2);
    volatile struct blk_header *fields = blk_header(hostile);
    (void)queue;
    prey_add_readable(pieces, (void *)fields, sizeof *fields);
    for (unsigned i = 0; i < data; i++) {
        void *address = data_anywhere(hostile);
        if (fields->type == VIRTIO_BLK_T_OUT)
            prey_add_readable(pieces, address, data_bytes(hostile, SECTOR_BYTES));
        else
            prey_add_writable(pieces, address, data_bytes(hostile, SECTOR_BYTES));
    }
    prey_add_writable(pieces, (void *)(hostile->sandbox + STATUS_OFFSET), 1);
}

/* A header that is right, or random but for a field that is not 0 so that none of it is an address. */
static void *net_packet(struct hostile *hostile, uint32_t bytes)
{
    uint8_t *packet = prey_place(hostile, bytes);
    struct net_header header = {.csum_start = 34, .csum_offset = 16};
    if (hostile_below(hostile, 4) != 0) {
        bool tso = hostile_below(hostile, 2) == 0;
        header.flags = tso ? VIRTIO_NET_HDR_F_NEEDS_CSUM : (uint8_t)hostile_below(hostile, 2);
        header.gso_type = tso ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE;
        header.hdr_len = 54;
        header.gso_size = tso ? (uint16_t)(1 + hostile_below(hostile, 1460)) : 0;
    } else {
        header.flags = (uint8_t)hostile_below(hostile, 8);
        header.gso_type = (uint8_t)(hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : hostile_below(hostile, 6));
        header.hdr_len = (uint16_t)hostile_value(hostile);
        header.gso_size = (uint16_t)hostile_value(hostile);
        header.csum_start = (uint16_t)(1 + hostile_below(hostile, hostile_below(hostile, 2) == 0 ? 64 : UINT16_MAX));
        header.csum_offset = (uint16_t)hostile_value(hostile);
    }
    memcpy(packet, &header, sizeof header);
    /* IPv4 and TCP, as far as somebody looks; the addresses and the rest are what is there. */
    if (bytes >= sizeof header + 54 && hostile_below(hostile, 2) == 0) {
        static const uint8_t ipv4[] = {0x08, 0x00, 0x45, 0x00, 0x05, 0xdc, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x12, 0x34};
        memcpy(packet + sizeof header + 12, ipv4, sizeof ipv4);
        packet[sizeof header + 46] = 0x50;
    }
    return packet;
}

static void make_net(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    if (queue == 0) {
        for (unsigned i = 1 + hostile_below(hostile, 2); i > 0; i--)
            prey_add_writable_anywhere(pieces, hostile);
    } else if (queue == 1) {
        uint32_t bytes = 16 * (1 + hostile_below(hostile, BUFFER_BYTES / 16));
        prey_add_readable(pieces, net_packet(hostile, bytes), bytes);
        for (unsigned i = hostile_below(hostile, 3); i > 0; i--)
            prey_add_readable(pieces, data_anywhere(hostile), data_bytes(hostile, 16));
    } else {
        uint8_t *command = prey_place(hostile, 64);
        /* As a word: neither an address nor, by its high half, of RAM. */
        command[0] = (uint8_t)hostile_below(hostile, VIRTIO_NET_CTRL_CLASSES);
        command[1] = (uint8_t)hostile_below(hostile, VIRTIO_NET_CTRL_COMMANDS);
        command[7] = 1;
        prey_add_readable(pieces, command, 2 + hostile_below(hostile, 62));
        prey_add_writable(pieces, prey_place(hostile, 16), 1);
    }
}

static void make_rng(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    (void)queue;
    for (unsigned i = 1 + hostile_below(hostile, CHAIN_MAX); i > 0; i--)
        prey_add_writable_anywhere(pieces, hostile);
}

/* Queues of port 0, then of control. */
static void make_console(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    if (queue % 2 == 0) {
        prey_add_writable_anywhere(pieces, hostile);
    } else if (queue == 1) {
        prey_add_readable(pieces, data_anywhere(hostile), 1 + hostile_below(hostile, 64));
    } else {
        uint32_t *control = prey_place(hostile, 16);
        control[0] = hostile_below(hostile, 4) == 0 ? hostile_value(hostile) : hostile_below(hostile, 4);
        /* event and value, not both 0 */
        control[1] = hostile_below(hostile, VIRTIO_CONSOLE_EVENTS) | (1 + hostile_below(hostile, 2)) << 16;
        prey_add_readable(pieces, control, hostile_below(hostile, 8) == 0 ? 1 + hostile_below(hostile, 16) : 8);
    }
}

/* Inflation, deflation, statistics, reporting. */
static void make_balloon(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    if (queue == 3) {
        /* Whole pages, which are lost: by their length, too, beyond RAM if taken for one. */
        for (unsigned i = 1 + hostile_below(hostile, 2); i > 0; i--)
            prey_add_writable(pieces, (void *)(hostile->sandbox + hostile_below(hostile, 7) * REPORT_BYTES), REPORT_BYTES);
        return;
    }
    uint32_t count = 1 + hostile_below(hostile, 32);
    uint32_t *pages = prey_place(hostile, 4 * 64);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t within = hostile_below(hostile, (uint32_t)(hostile->sandbox_bytes >> PAGE_SHIFT));
        pages[i] = hostile_below(hostile, 8) == 0 ? hostile_value(hostile)
                                                  : (uint32_t)(hostile->sandbox >> PAGE_SHIFT) + within;
    }
    prey_add_readable(pieces, pages, hostile_below(hostile, 8) == 0 ? 1 + hostile_below(hostile, 128) : 4 * count);
}

/* Reception, transmission, events. */
static void make_vsock(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    if (queue != 1) {
        prey_add_writable_anywhere(pieces, hostile);
        return;
    }
    struct vsock_header header = {
        .src_cid = 3,
        .dst_cid = hostile_below(hostile, 16) == 0 ? hostile_address(hostile) : VMADDR_CID_HOST,
        .src_port = 1024 + hostile_below(hostile, 64),
        /* Some of which somebody listens at. */
        .dst_port = 5000 + hostile_below(hostile, 4),
        .len = 16 * hostile_below(hostile, 64),
        .type = hostile_below(hostile, 16) == 0 ? (uint16_t)hostile_value(hostile) : VIRTIO_VSOCK_TYPE_STREAM,
        .op = (uint16_t)(hostile_below(hostile, 16) == 0 ? hostile_value(hostile) : 1 + hostile_below(hostile, 7)),
        .flags = hostile_below(hostile, 4),
        .buf_alloc = 1 + hostile_value(hostile) / 2,
        .fwd_cnt = hostile_below(hostile, 4) == 0 ? hostile_value(hostile) : 0,
    };
    uint32_t bytes = (uint32_t)sizeof header + header.len;
    if (hostile_below(hostile, 16) == 0)
        header.len = hostile_value(hostile);
    uint8_t *packet = prey_place(hostile, bytes);
    memcpy(packet, &header, sizeof header);
    prey_add_readable(pieces, packet, bytes);
}

const struct prey preys[PREYS] = {
    {VIRTIO_ID_BLOCK, "blk", 1, make_blk, prey_use_blk},
    {VIRTIO_ID_NET, "net", 3, make_net, prey_use_net},
    {VIRTIO_ID_RNG, "rng", 1, make_rng, prey_use_rng},
    {VIRTIO_ID_CONSOLE, "console", 4, make_console, prey_use_console},
    {VIRTIO_ID_BALLOON, "balloon", 4, make_balloon, prey_use_balloon},
    {VIRTIO_ID_VSOCK, "vsock", 3, make_vsock, prey_use_vsock},
    {VIRTIO_ID_FS, "fs", 2, prey_make_fs, prey_use_fs},
};

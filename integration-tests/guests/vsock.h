/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of virtio socket devices (5.10), with one stream at a time that the guest opens to the host. */
#ifndef VSOCK_H
#define VSOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"
#include "virtq.h"

/* The host's CID. */
#define VMADDR_CID_HOST 2

/* 5.10.6 Device Operation */
#define VIRTIO_VSOCK_OP_REQUEST 1
#define VIRTIO_VSOCK_OP_RESPONSE 2
#define VIRTIO_VSOCK_OP_RST 3
#define VIRTIO_VSOCK_OP_SHUTDOWN 4
#define VIRTIO_VSOCK_OP_RW 5
#define VIRTIO_VSOCK_OP_CREDIT_UPDATE 6
#define VIRTIO_VSOCK_OP_CREDIT_REQUEST 7
#define VIRTIO_VSOCK_TYPE_STREAM 1
#define VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE 1
#define VIRTIO_VSOCK_SHUTDOWN_F_SEND 2

struct vsock_header {
    uint64_t src_cid, dst_cid;
    uint32_t src_port, dst_port, len;
    uint16_t type, op;
    uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

/* A packet's data at most, and so what a buffer for reception holds behind the header. */
#define VSOCK_DATA_MAX (64u << 10)

/* Buffers for reception, and packets to send. */
#define VSOCK_BUFFERS 64

/* A packet in a place of its own in memory; data that begins at a multiple of 4, as the header is 44 bytes. */
struct vsock_packet {
    struct vsock_header header;
    uint8_t data[VSOCK_DATA_MAX];
};

enum vsock_state { VSOCK_CONNECTING, VSOCK_CONNECTED, VSOCK_ENDED };

struct vsock {
    struct virtio_device device;
    uint64_t features;
    uint64_t cid;
    struct virtq receive, transmit, event;
    struct vsock_packet *received, *sent;
    uint16_t idle[VSOCK_BUFFERS]; /* numbers of packets to send, a stack */
    unsigned idle_count;

    /* The stream. 5.10.6.3: counters of bytes, free-running. */
    enum vsock_state state;
    bool reset;
    uint32_t port, peer_port;
    uint32_t peer_buf_alloc, peer_fwd_cnt, sent_bytes, received_bytes, told_bytes;
};

/* What takes the data that comes; it is read in place. */
typedef void (*vsock_sink)(void *context, const uint8_t *data, uint32_t bytes);

/* Opens a device as the options queue_size, packed, event_idx, indirect say; fails where it can't. */
void vsock_open(struct vsock *vsock, const char *transport, unsigned number);

/* Opens a stream to a port of the host; fails where nobody listens there. */
void vsock_connect(struct vsock *vsock, uint32_t peer_port);

/* The same, but tells whether somebody listens there. */
bool vsock_try_connect(struct vsock *vsock, uint32_t peer_port);

/* Takes what the device has received and sent, and tells the host of new room. */
void vsock_poll(struct vsock *vsock, vsock_sink sink, void *context);

/* Returns a packet whose data can be written and then sent, or null while there is none, or no credit for so much. */
struct vsock_packet *vsock_begin(struct vsock *vsock, uint32_t bytes);

/* Sends the packet that vsock_begin() has returned last, with the next vsock_poll(). */
void vsock_send(struct vsock *vsock, uint32_t bytes);

/* How many bytes were sent that the host's program has not taken yet. */
uint32_t vsock_outstanding(const struct vsock *vsock);

/* Asks the host how much it has taken. */
void vsock_ask_credit(struct vsock *vsock);

/* Says that nothing more will be sent or read, and awaits the stream's end; what still comes goes to the sink. */
void vsock_close(struct vsock *vsock, vsock_sink sink, void *context);

#endif

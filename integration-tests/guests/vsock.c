/* SPDX-License-Identifier: Apache-2.0 */
#include "vsock.h"

#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"
#include "mmio.h"

#define RECEIVE_QUEUE 0
#define TRANSMIT_QUEUE 1
#define EVENT_QUEUE 2

/* 5.10.4 struct virtio_vsock_config */
#define VIRTIO_VSOCK_CONFIG_GUEST_CID 0

#define CACHE_LINE 64
#define EVENT_BYTES 4
#define EVENT_BUFFERS 8
#define LOCAL_PORT 1024

/* What we say we have room for: data is taken as it comes, and there are buffers for it. The host is told of each half. */
#define BUFFER_ALLOCATION_BYTES (VSOCK_BUFFERS / 2 * VSOCK_DATA_MAX)
#define CREDIT_PERIOD_BYTES (BUFFER_ALLOCATION_BYTES / 2)

#define PATIENCE_MILLIS 30000

_Static_assert(sizeof(struct vsock_header) == 44, "as 5.10.6 has it");

static void make_available(struct vsock *vsock, uint32_t number)
{
    struct buffer buffer = {&vsock->received[number], sizeof *vsock->received};
    if (!virtq_add(&vsock->receive, &buffer, 0, 1, number))
        fail("no room for a buffer to receive into");
}

void vsock_open(struct vsock *vsock, const char *transport, unsigned number)
{
    if (!virtio_find(&vsock->device, VIRTIO_ID_VSOCK, transport, number))
        fail("there is no such socket device");
    vsock->features = virtio_begin(&vsock->device, virtio_queue_features());
    uint16_t size = virtio_queue_size(vsock->features);
    virtq_open(&vsock->receive, &vsock->device, RECEIVE_QUEUE, size, vsock->features);
    virtq_open(&vsock->transmit, &vsock->device, TRANSMIT_QUEUE, size, vsock->features);
    virtq_open(&vsock->event, &vsock->device, EVENT_QUEUE, size, vsock->features);
    uint32_t low = (uint32_t)mmio_read(vsock->device.config + VIRTIO_VSOCK_CONFIG_GUEST_CID, 4);
    uint32_t high = (uint32_t)mmio_read(vsock->device.config + VIRTIO_VSOCK_CONFIG_GUEST_CID + 4, 4);
    vsock->cid = (uint64_t)high << 32 | low;
    vsock->received = memory_allocate(sizeof *vsock->received * VSOCK_BUFFERS, CACHE_LINE);
    vsock->sent = memory_allocate(sizeof *vsock->sent * VSOCK_BUFFERS, CACHE_LINE);
    for (unsigned i = 0; i < VSOCK_BUFFERS; i++) {
        make_available(vsock, i);
        vsock->idle[vsock->idle_count++] = (uint16_t)i;
    }
    uint8_t *events = memory_allocate(EVENT_BUFFERS * EVENT_BYTES, CACHE_LINE);
    for (unsigned i = 0; i < EVENT_BUFFERS; i++)
        virtq_add(&vsock->event, &(struct buffer){events + i * EVENT_BYTES, EVENT_BYTES}, 0, 1, i);
    virtio_ready(&vsock->device);
    virtq_publish(&vsock->receive);
    virtq_publish(&vsock->event);
}

/* Puts the packet on top of the stack into the queue. */
static void add(struct vsock *vsock, uint16_t op, uint32_t flags, uint32_t bytes)
{
    uint16_t number = vsock->idle[--vsock->idle_count];
    struct vsock_packet *packet = &vsock->sent[number];
    packet->header = (struct vsock_header){
        .src_cid = vsock->cid,
        .dst_cid = VMADDR_CID_HOST,
        .src_port = vsock->port,
        .dst_port = vsock->peer_port,
        .len = bytes,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
        .flags = flags,
        .buf_alloc = BUFFER_ALLOCATION_BYTES,
        .fwd_cnt = vsock->received_bytes,
    };
    vsock->told_bytes = vsock->received_bytes;
    struct buffer buffer = {packet, (uint32_t)sizeof packet->header + bytes};
    if (!virtq_add(&vsock->transmit, &buffer, 1, 0, number))
        fail("no room for a packet");
}

static void take_sent(struct vsock *vsock)
{
    uint32_t number, written_bytes;
    while (virtq_take(&vsock->transmit, &number, &written_bytes))
        vsock->idle[vsock->idle_count++] = (uint16_t)number;
}

/* Sends something without data, for which a packet may have to come back first. */
static void control(struct vsock *vsock, uint16_t op, uint32_t flags)
{
    uint64_t start = read_tsc();
    while (vsock->idle_count == 0) {
        take_sent(vsock);
        if (read_tsc() - start > clock_ticks(PATIENCE_MILLIS))
            fail("the device does not take packets");
    }
    add(vsock, op, flags, 0);
    virtq_publish(&vsock->transmit);
}

/* 5.10.6: what a packet says. */
static void take_packet(struct vsock *vsock, const struct vsock_packet *packet, uint32_t written_bytes, vsock_sink sink,
                        void *context)
{
    const struct vsock_header *header = &packet->header;
    if (written_bytes < sizeof *header || header->len != written_bytes - sizeof *header)
        fail("a packet is not as long as it says");
    if (header->src_cid != VMADDR_CID_HOST || header->dst_cid != vsock->cid || header->src_port != vsock->peer_port
        || header->dst_port != vsock->port || header->type != VIRTIO_VSOCK_TYPE_STREAM)
        fail("a packet is of no stream of ours");
    vsock->peer_buf_alloc = header->buf_alloc;
    vsock->peer_fwd_cnt = header->fwd_cnt;
    switch (header->op) {
    case VIRTIO_VSOCK_OP_RESPONSE:
        vsock->state = VSOCK_CONNECTED;
        break;
    case VIRTIO_VSOCK_OP_RST:
        vsock->state = VSOCK_ENDED;
        vsock->reset = true;
        break;
    case VIRTIO_VSOCK_OP_SHUTDOWN:
        if ((header->flags & VIRTIO_VSOCK_SHUTDOWN_F_SEND) != 0)
            vsock->state = VSOCK_ENDED;
        break;
    case VIRTIO_VSOCK_OP_RW:
        vsock->received_bytes += header->len;
        if (vsock->received_bytes - vsock->told_bytes > BUFFER_ALLOCATION_BYTES)
            fail("the device sent more than there was credit for");
        sink(context, packet->data, header->len);
        break;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        control(vsock, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
        break;
    case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        break;
    default:
        fail("a packet has an unknown operation");
    }
}

void vsock_poll(struct vsock *vsock, vsock_sink sink, void *context)
{
    uint32_t number, written_bytes;
    take_sent(vsock);
    while (virtq_take(&vsock->receive, &number, &written_bytes)) {
        take_packet(vsock, &vsock->received[number], written_bytes, sink, context);
        make_available(vsock, number);
    }
    virtq_publish(&vsock->receive);
    if (vsock->state == VSOCK_CONNECTED && vsock->received_bytes - vsock->told_bytes >= CREDIT_PERIOD_BYTES)
        control(vsock, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
    virtq_publish(&vsock->transmit);
}

static void no_data(void *context, const uint8_t *data, uint32_t bytes)
{
    (void)context;
    (void)data;
    (void)bytes;
    fail("data before the stream was there");
}

bool vsock_try_connect(struct vsock *vsock, uint32_t peer_port)
{
    uint64_t start = read_tsc();
    vsock->state = VSOCK_CONNECTING;
    vsock->reset = false;
    vsock->port = vsock->port == 0 ? LOCAL_PORT : vsock->port + 1;
    vsock->peer_port = peer_port;
    vsock->sent_bytes = 0;
    vsock->received_bytes = 0;
    vsock->told_bytes = 0;
    control(vsock, VIRTIO_VSOCK_OP_REQUEST, 0);
    /* The host's program may say something at once. */
    while (vsock->state == VSOCK_CONNECTING) {
        uint32_t number, written_bytes;
        if (virtq_take(&vsock->receive, &number, &written_bytes)) {
            take_packet(vsock, &vsock->received[number], written_bytes, no_data, NULL);
            make_available(vsock, number);
        }
        if (read_tsc() - start > clock_ticks(PATIENCE_MILLIS))
            fail("the host does not answer");
        cpu_relax();
    }
    return vsock->state == VSOCK_CONNECTED;
}

void vsock_connect(struct vsock *vsock, uint32_t peer_port)
{
    if (!vsock_try_connect(vsock, peer_port))
        fail("nobody listens at that port of the host");
}

uint32_t vsock_outstanding(const struct vsock *vsock)
{
    return vsock->sent_bytes - vsock->peer_fwd_cnt;
}

struct vsock_packet *vsock_begin(struct vsock *vsock, uint32_t bytes)
{
    if (vsock->idle_count == 0 || vsock_outstanding(vsock) + bytes > vsock->peer_buf_alloc)
        return NULL;
    return &vsock->sent[vsock->idle[vsock->idle_count - 1]];
}

void vsock_send(struct vsock *vsock, uint32_t bytes)
{
    add(vsock, VIRTIO_VSOCK_OP_RW, 0, bytes);
    vsock->sent_bytes += bytes;
}

void vsock_ask_credit(struct vsock *vsock)
{
    control(vsock, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0);
}

void vsock_close(struct vsock *vsock, vsock_sink sink, void *context)
{
    uint64_t start = read_tsc();
    control(vsock, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE | VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    while (!vsock->reset) {
        vsock_poll(vsock, sink, context);
        if (read_tsc() - start > clock_ticks(PATIENCE_MILLIS))
            fail("the host does not end the stream");
        cpu_relax();
    }
}

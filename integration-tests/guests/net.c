/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include "console.h"
#include "memory.h"
#include "mmio.h"
#include "options.h"

#define RECEIVE_QUEUE 0
#define TRANSMIT_QUEUE 1

/* 5.1.4 struct virtio_net_config */
#define VIRTIO_NET_CONFIG_MAC 0

#define OFFLOADS                                                                                                       \
    (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6                     \
     | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6)

#define CACHE_LINE 64

/* 5.1.6.3.1: without mergeable buffers each has to hold the longest packet; and so that it stays in its cache lines. */
#define WHOLE_FRAME_BYTES 2048u
#define WHOLE_SEGMENT_BYTES ((unsigned)((sizeof(struct net_header) + NET_FRAME_MAX + CACHE_LINE - 1) & -CACHE_LINE))
#define MERGEABLE_BYTES 2048u

static void choose_buffer_bytes(struct net *net)
{
    bool mergeable = (net->features & VIRTIO_NET_F_MRG_RXBUF) != 0;
    bool large = (net->features & VIRTIO_NET_F_GUEST_TSO4) != 0;
    uint64_t otherwise = mergeable ? MERGEABLE_BYTES : large ? WHOLE_SEGMENT_BYTES : WHOLE_FRAME_BYTES;
    uint64_t bytes = option_number("buffer_bytes", otherwise);
    if (bytes < (mergeable ? 1024 : otherwise) || bytes > WHOLE_SEGMENT_BYTES)
        fail("buffer_bytes: from 1024 with mergeable buffers, from that of the longest packet without");
    net->buffer_bytes = (uint32_t)bytes;
}

static void make_available(struct net *net, uint32_t number)
{
    struct buffer buffer = {net->buffers + (uint64_t)number * net->buffer_bytes, net->buffer_bytes};
    if (!virtq_add(&net->receive, &buffer, 0, 1, number))
        fail("no room for a buffer to receive into");
}

void net_open(struct net *net, const char *transport, unsigned number)
{
    uint64_t wanted = VIRTIO_NET_F_MAC | virtio_queue_features();
    if (option_number("mergeable", 1) != 0)
        wanted |= VIRTIO_NET_F_MRG_RXBUF;
    if (option_number("offloads", 1) != 0)
        wanted |= OFFLOADS;
    if (!virtio_find(&net->device, VIRTIO_ID_NET, transport, number))
        fail("there is no such network device");
    net->features = virtio_begin(&net->device, wanted);
    uint16_t size = virtio_queue_size(net->features);
    virtq_open(&net->receive, &net->device, RECEIVE_QUEUE, size, net->features);
    virtq_open(&net->transmit, &net->device, TRANSMIT_QUEUE, size, net->features);
    for (unsigned i = 0; i < MAC_BYTES; i++)
        net->mac[i] = (uint8_t)mmio_read(net->device.config + VIRTIO_NET_CONFIG_MAC + i, 1);
    choose_buffer_bytes(net);
    net->buffers = memory_allocate((size_t)net->buffer_bytes * net->receive.size, CACHE_LINE);
    for (uint32_t i = 0; i < net->receive.size; i++)
        make_available(net, i);
    virtio_ready(&net->device);
    virtq_publish(&net->receive);
}

bool net_send(struct net *net, void *packet, uint32_t bytes, unsigned segments, uint32_t token)
{
    struct buffer buffers[NET_SEGMENTS_MAX];
    uint32_t each = bytes / segments;
    for (unsigned i = 0; i < segments; i++)
        buffers[i] = (struct buffer){(uint8_t *)packet + i * each, i + 1 < segments ? each : bytes - i * each};
    return virtq_add(&net->transmit, buffers, segments, 0, token);
}

static void take_part(struct net *net, struct net_packet *packet, uint32_t token, uint32_t written_bytes)
{
    if (token >= net->receive.size || written_bytes > net->buffer_bytes)
        fail("the device wrote more than there was room for");
    packet->tokens[packet->count] = token;
    packet->parts[packet->count++] =
        (struct buffer){net->buffers + (uint64_t)token * net->buffer_bytes, written_bytes};
    packet->bytes += written_bytes;
}

bool net_receive(struct net *net, struct net_packet *packet)
{
    uint32_t token, written_bytes;
    if (!virtq_take(&net->receive, &token, &written_bytes))
        return false;
    packet->count = 0;
    packet->bytes = 0;
    take_part(net, packet, token, written_bytes);
    if (written_bytes < sizeof(struct net_header))
        fail("the device received less than a header");
    unsigned buffers = ((const struct net_header *)packet->parts[0].address)->num_buffers;
    if (buffers < 1 || buffers > NET_PARTS_MAX || (buffers > 1 && (net->features & VIRTIO_NET_F_MRG_RXBUF) == 0))
        fail("the device received into a number of buffers that can't be");
    /* 5.1.6.4.1: the device uses them all at once. */
    while (packet->count < buffers) {
        if (!virtq_take(&net->receive, &token, &written_bytes))
            fail("the device used some buffers of a packet before the others");
        take_part(net, packet, token, written_bytes);
    }
    return true;
}

void net_give_back(struct net *net, const struct net_packet *packet)
{
    for (unsigned i = 0; i < packet->count; i++)
        make_available(net, packet->tokens[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of virtio network devices (5.1) with one queue pair. */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"
#include "virtq.h"

#define MAC_BYTES 6

/* The longest frame: a segment of 64 KiB - 1 with its Ethernet header. */
#define NET_FRAME_MAX (14 + 0xffff)

/* Descriptors of a packet to send at most. */
#define NET_SEGMENTS_MAX VIRTQ_INDIRECT_MAX

/* Buffers of a packet that was received at most: the longest one, in buffers of 1 KiB. */
#define NET_PARTS_MAX 66

/* 5.1.3 Feature bits */
#define VIRTIO_NET_F_CSUM (1ull << 0)
#define VIRTIO_NET_F_GUEST_CSUM (1ull << 1)
#define VIRTIO_NET_F_MAC (1ull << 5)
#define VIRTIO_NET_F_GUEST_TSO4 (1ull << 7)
#define VIRTIO_NET_F_GUEST_TSO6 (1ull << 8)
#define VIRTIO_NET_F_HOST_TSO4 (1ull << 11)
#define VIRTIO_NET_F_HOST_TSO6 (1ull << 12)
#define VIRTIO_NET_F_MRG_RXBUF (1ull << 15)

/* 5.1.6 Device Operation: struct virtio_net_hdr, whose num_buffers is always there with VERSION_1 */
#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2
#define VIRTIO_NET_HDR_GSO_NONE 0
#define VIRTIO_NET_HDR_GSO_TCPV4 1

struct net_header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

struct net {
    struct virtio_device device;
    uint64_t features;
    uint8_t mac[MAC_BYTES];
    struct virtq receive, transmit;
    /* Buffers for reception, one behind the other; the token of a chain is the buffer's number. */
    uint8_t *buffers;
    uint32_t buffer_bytes;
};

/* A packet that was received: pieces of memory in their order, the first of which begins with the header. */
struct net_packet {
    struct buffer parts[NET_PARTS_MAX];
    uint32_t tokens[NET_PARTS_MAX];
    unsigned count;
    /* With the header. */
    uint32_t bytes;
};

/*
 * Opens a device as the options mergeable, offloads, queue_size, packed, event_idx, indirect and buffer_bytes say, with all
 * its buffers for reception available; fails where it can't.
 */
void net_open(struct net *net, const char *transport, unsigned number);

/*
 * Adds a packet, for the next virtq_publish() of the transmit queue; tells whether there was room.
 *
 * bytes: header and frame, of which each segment but the last has as many
 */
bool net_send(struct net *net, void *packet, uint32_t bytes, unsigned segments, uint32_t token);

/* Takes a packet; tells whether there was one. Its parts are the driver's until net_give_back(). */
bool net_receive(struct net *net, struct net_packet *packet);

/* Makes a packet's buffers available again, for the next virtq_publish() of the receive queue. */
void net_give_back(struct net *net, const struct net_packet *packet);

#endif

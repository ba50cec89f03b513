/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends Ethernet frames into a network interface, as fast as whoever is at its other end takes them, until it is killed.
 *
 *   send_frames INTERFACE BYTES       frames of a protocol that nobody answers
 *   send_frames INTERFACE BYTES tso   TCP segments of as many bytes with all headers, for the other end to divide
 *
 * Frames go to the interface's own queue at once (PACKET_QDISC_BYPASS). Where that is full, the sender sleeps: it is to
 * take no more of the processors than it needs. Takes CAP_NET_RAW.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define BATCH 64
#define BACK_OFF_NANOS 20000
#define ETHERTYPE_LOCAL_EXPERIMENTAL_1 0x88b5
#define HEADERS_BYTES (sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct tcphdr))
#define SEGMENT_PAYLOAD_BYTES 1460
#define SEND_BUFFER_BYTES (8 << 20)

static struct virtio_net_hdr header;
static unsigned char frame[sizeof(struct ether_header) + 0xffff];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The sum of RFC 1071, not complemented. */
static unsigned checksum_add(unsigned sum, const void *data, unsigned bytes)
{
    const unsigned char *at = data;
    for (unsigned i = 0; i < bytes; i += 2)
        sum += (unsigned)at[i] << 8 | at[i + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* A segment from 10.0.0.1 to 10.0.0.2, whose checksum is left to the receiver. */
static void make_segment(unsigned bytes)
{
    struct iphdr *ip = (struct iphdr *)(frame + sizeof(struct ether_header));
    struct tcphdr *tcp = (struct tcphdr *)(ip + 1);
    *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
    ip->tot_len = htons((uint16_t)(bytes - sizeof(struct ether_header)));
    ip->saddr = htonl(0x0a000001);
    ip->daddr = htonl(0x0a000002);
    ip->check = htons((uint16_t)~checksum_add(0, ip, sizeof *ip));
    *tcp = (struct tcphdr){.source = htons(5001), .dest = htons(5001), .doff = 5, .ack = 1, .window = 0xffff};
    unsigned length = bytes - sizeof(struct ether_header) - sizeof *ip;
    tcp->check = htons((uint16_t)checksum_add(IPPROTO_TCP + length, &ip->saddr, 8));
    header = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .hdr_len = HEADERS_BYTES,
        .gso_size = SEGMENT_PAYLOAD_BYTES,
        .csum_start = sizeof(struct ether_header) + sizeof(struct iphdr),
        .csum_offset = offsetof(struct tcphdr, check),
    };
}

static int open_socket(const char *interface, bool tso)
{
    int on = 1, buffer_bytes = SEND_BUFFER_BYTES;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
    if (address.sll_ifindex == 0)
        die(interface);
    /* Of protocol 0, so that nothing is received. */
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0)
        die("socket");
    if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0)
        die("PACKET_QDISC_BYPASS");
    if (tso && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0)
        die("PACKET_VNET_HDR");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes) != 0)
        die("SO_SNDBUFFORCE");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("bind");
    return fd;
}

int main(int argc, char **argv)
{
    static const unsigned char guest[ETH_ALEN] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    static const unsigned char host[ETH_ALEN] = {0x52, 0x54, 0x00, 0xff, 0xff, 0xfe};
    struct iovec pieces[2] = {{&header, sizeof header}, {frame, 0}};
    struct mmsghdr messages[BATCH];
    struct timespec back_off = {0, BACK_OFF_NANOS};
    if (argc < 3) {
        fprintf(stderr, "usage: send_frames INTERFACE BYTES [tso]\n");
        return 2;
    }
    bool tso = argc > 3;
    long bytes = strtol(argv[2], NULL, 10);
    if (bytes < (long)(tso ? HEADERS_BYTES + 1 : ETH_ZLEN) || bytes > (long)sizeof frame) {
        fprintf(stderr, "send_frames: no frame has %ld bytes\n", bytes);
        return 2;
    }
    struct ether_header *ethernet = (struct ether_header *)frame;
    memcpy(ethernet->ether_dhost, guest, ETH_ALEN);
    memcpy(ethernet->ether_shost, host, ETH_ALEN);
    ethernet->ether_type = htons(tso ? ETHERTYPE_IP : ETHERTYPE_LOCAL_EXPERIMENTAL_1);
    if (tso)
        make_segment((unsigned)bytes);
    pieces[1].iov_len = (size_t)bytes;
    for (int i = 0; i < BATCH; i++)
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = tso ? pieces : pieces + 1, .msg_iovlen = tso ? 2 : 1},
        };
    int fd = open_socket(argv[1], tso);
    for (;;) {
        int sent = sendmmsg(fd, messages, BATCH, 0);
        /* ENOBUFS: dropped at a full queue; ENETDOWN: nobody has the other end open. */
        if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ENETDOWN && errno != EINTR)
            die("sendmmsg");
        if (sent < BATCH)
            nanosleep(&back_off, NULL);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include "pattern.h"
#include "text.h"

/* IEEE 802: for experiments of one's own. */
#define ETHERTYPE_LOCAL_EXPERIMENTAL_1 0x88b5
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_OFFSET 12
#define ETHERNET_HEADER_BYTES 14

/* Behind the Ethernet header of a frame, so that the pattern begins at a multiple of 4. */
#define FRAME_PADDING_BYTES 2

/* RFC 791 and RFC 793: offsets in their headers. */
#define IPV4_HEADER_BYTES 20
#define IPV4_TOTAL_LENGTH 2
#define IPV4_TTL 8
#define IPV4_PROTOCOL 9
#define IPV4_CHECKSUM 10
#define IPV4_SOURCE 12
#define IPV4_DESTINATION 16
#define IPV4_PROTOCOL_TCP 6
#define TCP_SOURCE_PORT 0
#define TCP_DESTINATION_PORT 2
#define TCP_SEQUENCE 4
#define TCP_DATA_OFFSET 12
#define TCP_FLAGS 13
#define TCP_FLAG_ACK 0x10
#define TCP_WINDOW 14
#define TCP_CHECKSUM 16

/* What a segment of 1500 bytes of MTU holds without options. */
#define SEGMENT_PAYLOAD_BYTES 1460

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

/* RFC 1071: the sum in ones' complement, not complemented; of an even number of bytes. */
static uint32_t checksum_add(uint32_t sum, const uint8_t *data, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i += 2)
        sum += (uint32_t)(data[i] << 8 | data[i + 1]);
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum;
}

/* From host 10.0.0.2 to 10.0.0.1, which nobody here is: what takes the packets drops them. */
static void write_ipv4(uint8_t *header, uint32_t total_bytes)
{
    memset(header, 0, IPV4_HEADER_BYTES);
    header[0] = 0x45;
    put16(header + IPV4_TOTAL_LENGTH, total_bytes);
    header[IPV4_TTL] = 64;
    header[IPV4_PROTOCOL] = IPV4_PROTOCOL_TCP;
    put32(header + IPV4_SOURCE, 0x0a000002);
    put32(header + IPV4_DESTINATION, 0x0a000001);
    put16(header + IPV4_CHECKSUM, ~checksum_add(0, header, IPV4_HEADER_BYTES));
}

static void write_tcp(uint8_t *header, const uint8_t *ipv4, uint32_t segment_bytes, uint32_t number)
{
    memset(header, 0, SEGMENT_HEADERS_BYTES - ETHERNET_HEADER_BYTES - IPV4_HEADER_BYTES);
    put16(header + TCP_SOURCE_PORT, 5001);
    put16(header + TCP_DESTINATION_PORT, 5001);
    put32(header + TCP_SEQUENCE, number);
    header[TCP_DATA_OFFSET] = 0x50;
    header[TCP_FLAGS] = TCP_FLAG_ACK;
    put16(header + TCP_WINDOW, UINT16_MAX);
    /* The pseudo-header's sum; whoever completes the checksum adds the segment. */
    uint32_t sum = checksum_add(IPV4_PROTOCOL_TCP + segment_bytes, ipv4 + IPV4_SOURCE, 8);
    put16(header + TCP_CHECKSUM, sum);
}

/* Writes all headers; returns how many bytes they take. */
static uint32_t write_headers(uint8_t *packet, const struct frame_form *form, const uint8_t *to, const uint8_t *from,
                              uint32_t number)
{
    struct net_header *header = (struct net_header *)packet;
    uint8_t *frame = packet + sizeof *header;
    *header = (struct net_header){0};
    memcpy(frame, to, MAC_BYTES);
    memcpy(frame + MAC_BYTES, from, MAC_BYTES);
    put16(frame + ETHERTYPE_OFFSET, form->tso ? ETHERTYPE_IPV4 : ETHERTYPE_LOCAL_EXPERIMENTAL_1);
    if (!form->tso) {
        memset(frame + ETHERNET_HEADER_BYTES, 0, FRAME_PADDING_BYTES);
        return sizeof *header + ETHERNET_HEADER_BYTES + FRAME_PADDING_BYTES;
    }
    uint8_t *ipv4 = frame + ETHERNET_HEADER_BYTES;
    uint32_t total_bytes = form->bytes - ETHERNET_HEADER_BYTES;
    write_ipv4(ipv4, total_bytes);
    write_tcp(ipv4 + IPV4_HEADER_BYTES, ipv4, total_bytes - IPV4_HEADER_BYTES, number);
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    header->hdr_len = SEGMENT_HEADERS_BYTES;
    header->gso_size = SEGMENT_PAYLOAD_BYTES;
    header->csum_start = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
    header->csum_offset = TCP_CHECKSUM;
    return sizeof *header + SEGMENT_HEADERS_BYTES;
}

static uint32_t payload_bytes(const struct frame_form *form, uint32_t headers_bytes)
{
    return form->bytes + sizeof(struct net_header) - headers_bytes;
}

void frame_write(uint8_t *packet, const struct frame_form *form, const uint8_t *to, const uint8_t *from, uint32_t number)
{
    uint32_t headers_bytes = write_headers(packet, form, to, from, number);
    pattern_fill(packet + headers_bytes, payload_bytes(form, headers_bytes), form->seed, number, 1);
}

bool frame_matches(const uint8_t *packet, uint32_t bytes, const struct frame_form *form, const uint8_t *to,
                   const uint8_t *from, uint32_t number)
{
    uint8_t expected[sizeof(struct net_header) + SEGMENT_HEADERS_BYTES];
    struct net_header *header = (struct net_header *)expected;
    uint32_t headers_bytes = write_headers(expected, form, to, from, number);
    if (bytes != form->bytes + sizeof *header)
        return false;
    header->num_buffers = ((const struct net_header *)packet)->num_buffers;
    return memcmp(packet, expected, headers_bytes) == 0
           && pattern_matches(packet + headers_bytes, payload_bytes(form, headers_bytes), form->seed, number, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets as a virtio network device takes them, header first: an Ethernet frame of no protocol that anybody answers, or a
 * TCP segment whose checksum and division are left to the device. What they carry tells their number (pattern.h).
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "net.h"

/* A frame of fewer bytes is none. */
#define FRAME_BYTES_MIN 60
#define FRAME_BYTES_MAX 1514

/* Ethernet, IPv4 and TCP headers without options: a segment has to be longer. */
#define SEGMENT_HEADERS_BYTES (14 + 20 + 20)

struct frame_form {
    /* To be divided into segments by the device. */
    bool tso;
    /* Without the header of virtio. */
    uint32_t bytes;
    uint64_t seed;
};

/* Writes a packet. */
void frame_write(uint8_t *packet, const struct frame_form *form, const uint8_t *to, const uint8_t *from, uint32_t number);

/* Tells whether a packet, in one piece, is what frame_write() has written. */
bool frame_matches(const uint8_t *packet, uint32_t bytes, const struct frame_form *form, const uint8_t *to,
                   const uint8_t *from, uint32_t number);

#endif

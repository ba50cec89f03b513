/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that a hostile driver would write, random but for two bounds, without which the attack would only break its own
 * guest: attacked devices must not be led to write into RAM beyond the sandbox, and no message may reset a processor.
 *
 * The sandbox is the end of RAM, so that what begins in it and is too long leaves RAM. Of the values
 *
 *   addresses of 64 bits      are in the sandbox, at multiples of 16, or not in RAM;
 *   other words of 64 bits    have a high half that is not 0, so that they are in no RAM if taken for an address, or
 *                             are no address of memory to write if they are;
 *   values of 32 bits         are addresses in the sandbox, or not in RAM, or below 64 KiB, where nothing is any more.
 *
 * What a device writes itself (the head or Buffer ID of a request, which is not 0; its event suppression structure) is an
 * address beyond RAM or below 256 KiB, if taken for one. Answers with numbers of the host, which may be anything, go to the
 * spill, which is RAM that no random address is in.
 *
 * A balloon takes 32 bits for the number of a page that it takes away. Where there is one, all words of 32 bits are pages
 * beyond RAM, of the sandbox, or of the first MiB.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"

struct hostile {
    struct random random;
    uintptr_t sandbox;
    size_t sandbox_bytes;
    uintptr_t spill;
    size_t spill_bytes;
    /* Words may be taken for numbers of pages. */
    bool pages;
};

/* Takes memory for the sandbox and the spill; before anybody takes another end of RAM. */
void hostile_init(struct hostile *hostile, uint64_t seed, bool pages);

/* A number below a bound. */
uint32_t hostile_below(struct hostile *hostile, uint32_t bound);

uint64_t hostile_address(struct hostile *hostile);
uint32_t hostile_value(struct hostile *hostile);

/* 64 random bits, both of whose halves are as words have to be. */
uint64_t hostile_bits(struct hostile *hostile);

/* Writes so many such words to random places of the sandbox. */
void hostile_scribble(struct hostile *hostile, unsigned words);

#endif

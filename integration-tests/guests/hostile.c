/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include "memory.h"

#define SANDBOX_BYTES (512ul << 10)

/* What low values are below: RAM that nothing is in once the guest has started. */
#define LOW_VALUES 0x10000

/* The same for numbers of pages: those of the first MiB. */
#define LOW_PAGES 256

#define SPILL_BYTES (64ul << 10)

/* Added to each half of a word, it makes it the number of a page beyond 4 GiB. */
#define HIGH_PAGES 0x0010000000100000ull

void hostile_init(struct hostile *hostile, uint64_t seed, bool pages)
{
    hostile->pages = pages;
    hostile->random.state = seed;
    hostile->sandbox_bytes = SANDBOX_BYTES;
    hostile->sandbox = (uintptr_t)memory_take_end(SANDBOX_BYTES);
    hostile->spill_bytes = SPILL_BYTES;
    hostile->spill = (uintptr_t)memory_take_end(SPILL_BYTES);
}

uint32_t hostile_below(struct hostile *hostile, uint32_t bound)
{
    return (uint32_t)random_below(&hostile->random, bound);
}

static uintptr_t in_sandbox(struct hostile *hostile)
{
    return hostile->sandbox + hostile_below(hostile, (uint32_t)(hostile->sandbox_bytes / 16)) * 16ul;
}

/* 32 bits that are an address above RAM: of nothing, or of devices. */
static uint32_t above_ram(struct hostile *hostile)
{
    uint32_t end = (uint32_t)memory_end();
    return end + hostile_below(hostile, UINT32_MAX - end);
}

uint64_t hostile_bits(struct hostile *hostile)
{
    uint64_t random = random_next(&hostile->random);
    return hostile->pages ? random | HIGH_PAGES : random;
}

uint64_t hostile_address(struct hostile *hostile)
{
    uint64_t random = hostile_bits(hostile);
    switch (hostile_below(hostile, 8)) {
    case 0:
        return above_ram(hostile);
    case 1:
        return random | 1ull << 32; /* above 4 GiB, where there is no RAM */
    case 2:
        return -(random & 0xffff); /* so that length and address overflow */
    case 3:
        return memory_end() - 16 * (1 + (random & 0xff)); /* so that it ends beyond RAM */
    default:
        return in_sandbox(hostile);
    }
}

uint32_t hostile_value(struct hostile *hostile)
{
    switch (hostile_below(hostile, 8)) {
    case 0:
        return UINT32_MAX;
    case 1:
    case 2:
        return hostile_below(hostile, 16);
    case 3:
        return 1u << hostile_below(hostile, hostile->pages ? 8 : 16);
    case 4:
        return above_ram(hostile);
    case 5:
        return (uint32_t)in_sandbox(hostile);
    default:
        return hostile_below(hostile, hostile->pages ? LOW_PAGES : LOW_VALUES);
    }
}

void hostile_scribble(struct hostile *hostile, unsigned words)
{
    volatile uint64_t *sandbox = (volatile uint64_t *)hostile->sandbox;
    for (unsigned i = 0; i < words; i++) {
        /* As descriptors are: an address, then length, flags and next, which is not 0. */
        uint32_t at = 2 * hostile_below(hostile, (uint32_t)(hostile->sandbox_bytes / 16));
        if (hostile_below(hostile, 2) == 0)
            sandbox[at] = hostile_address(hostile);
        else
            sandbox[at + 1] = hostile_bits(hostile) | 1ull << 48;
    }
}

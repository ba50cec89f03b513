/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

#define SPLITMIX_GAMMA 0x9e3779b97f4a7c15ull

struct random {
    uint64_t state;
};

static inline uint64_t mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline uint64_t random_next(struct random *random)
{
    random->state += SPLITMIX_GAMMA;
    return mix64(random->state);
}

/* A number below a bound of up to 2^32. */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    return ((random_next(random) >> 32) * bound) >> 32;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include "random.h"

static uint64_t first_word(uint64_t seed, uint64_t sector, uint8_t version)
{
    return mix64(seed ^ (sector << 8 | version));
}

void pattern_fill(void *data, uint32_t bytes, uint64_t seed, uint64_t sector, uint8_t version)
{
    uint64_t word = first_word(seed, sector, version);
    uint64_t *words = data;
    for (uint32_t i = 0; i < bytes / sizeof *words; i++, word += SPLITMIX_GAMMA)
        words[i] = word;
}

bool pattern_matches(const void *data, uint32_t bytes, uint64_t seed, uint64_t sector, uint8_t version)
{
    uint64_t word = first_word(seed, sector, version);
    const uint64_t *words = data;
    for (uint32_t i = 0; i < bytes / sizeof *words; i++, word += SPLITMIX_GAMMA)
        if (words[i] != word)
            return false;
    return true;
}

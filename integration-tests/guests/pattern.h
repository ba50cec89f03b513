/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verifying run writes: a block's content tells where it belongs and which write it comes from.
 *
 *   word i of a block = mix64(seed ^ (first sector << 8 | version)) + i * SPLITMIX_GAMMA
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stdint.h>

void pattern_fill(void *data, uint32_t bytes, uint64_t seed, uint64_t sector, uint8_t version);
bool pattern_matches(const void *data, uint32_t bytes, uint64_t seed, uint64_t sector, uint8_t version);

#endif

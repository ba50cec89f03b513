/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A distribution of values, each known to 1 part in 64: 64 buckets for the values from each power of 2 to the next.
 * Adding takes a few instructions and no memory.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count;
    uint64_t least;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);

/* The least value that permille thousandths of all do not exceed, to the histogram's accuracy; 0 where there is none. */
uint64_t histogram_quantile(const struct histogram *histogram, unsigned permille);

#endif

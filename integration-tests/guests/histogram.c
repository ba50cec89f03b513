/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include "text.h"

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->least = UINT64_MAX;
}

/* Values below SUB_COUNT have a bucket each; from there on, the bits behind the highest one tell which. */
static unsigned bucket_of(uint64_t value)
{
    if (value < SUB_COUNT)
        return (unsigned)value;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((exponent + 1) << HISTOGRAM_SUB_BITS) + (unsigned)((value >> exponent) - SUB_COUNT);
}

static uint64_t least_of(unsigned bucket)
{
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned exponent = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    return (uint64_t)(SUB_COUNT + (bucket & (SUB_COUNT - 1))) << exponent;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    if (value < histogram->least)
        histogram->least = value;
    histogram->buckets[bucket_of(value)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, unsigned permille)
{
    uint64_t wanted = (histogram->count * permille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted && seen > 0)
            return least_of(i);
    }
    return 0;
}

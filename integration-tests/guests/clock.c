/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "console.h"
#include "options.h"

#define TSC_KHZ_DEFAULT 1000000

static uint64_t tsc_khz;

void clock_init(void)
{
    tsc_khz = option_number("tsc_khz", TSC_KHZ_DEFAULT);
    if (tsc_khz == 0)
        fail("tsc_khz: can't be 0");
}

uint64_t clock_ticks(uint64_t millis)
{
    return millis * tsc_khz;
}

uint64_t clock_nanos(uint64_t ticks)
{
    return ticks * 1000000 / tsc_khz;
}

uint64_t clock_per_second(uint64_t count, uint64_t ticks)
{
    return ticks == 0 ? 0 : count * tsc_khz * 1000 / ticks;
}

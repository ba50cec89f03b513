/* SPDX-License-Identifier: Apache-2.0 */
/* Time by the time-stamp counter, whose frequency the option tsc_khz tells; else ticks are taken for nanoseconds. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Reads the option. */
void clock_init(void);

uint64_t clock_ticks(uint64_t millis);
uint64_t clock_nanos(uint64_t ticks);

/* How many a second a count within some ticks is, 0 where there were none. */
uint64_t clock_per_second(uint64_t count, uint64_t ticks);

#endif

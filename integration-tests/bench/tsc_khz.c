/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the frequency of the time-stamp counter in kHz, against the system's clock: guests measure time by the one. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define CALIBRATION_NANOS 200000000ll

static long long now_nanos(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(void)
{
    long long start_nanos = now_nanos(), nanos;
    unsigned long long start_ticks = __rdtsc();
    do
        nanos = now_nanos() - start_nanos;
    while (nanos < CALIBRATION_NANOS);
    printf("%llu\n", (__rdtsc() - start_ticks) * 1000000 / (unsigned long long)nanos);
    return 0;
}

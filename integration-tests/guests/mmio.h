/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses to device registers: one instruction each, of exactly the width that is said. */
#ifndef MMIO_H
#define MMIO_H

#include <stdint.h>

static inline uint64_t mmio_read(uintptr_t address, unsigned width_bytes)
{
    switch (width_bytes) {
    case 1:
        return *(volatile uint8_t *)address;
    case 2:
        return *(volatile uint16_t *)address;
    case 4:
        return *(volatile uint32_t *)address;
    default:
        return *(volatile uint64_t *)address;
    }
}

static inline void mmio_write(uintptr_t address, unsigned width_bytes, uint64_t value)
{
    switch (width_bytes) {
    case 1:
        *(volatile uint8_t *)address = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)address = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)address = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)address = value;
    }
}

#endif

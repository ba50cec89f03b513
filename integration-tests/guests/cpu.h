/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processors and privilege levels.
 *
 * Everything from main() on runs at CPL 3, which every host runs natively, PVM-based ones among them, which interpret
 * CPL 0. What needs CPL 0 is a short function behind at_cpl0().
 */
#ifndef CPU_H
#define CPU_H

#include <stdbool.h>
#include <stdint.h>

/* What an exception or interrupt leaves on the stack of CPL 0. */
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Calls a function at CPL 0, from any level. It must not fault. */
uint64_t at_cpl0(uint64_t (*function)(uint64_t, uint64_t), uint64_t a, uint64_t b);

/* Starts the second processor, which then calls a function at CPL 3, which must not return. Once. */
void start_second_cpu(void (*function)(uint64_t), uint64_t argument);

/* Port I/O, from any level. */
uint32_t port_in(uint16_t port, unsigned width_bytes);
void port_out(uint16_t port, unsigned width_bytes, uint32_t value);

/* Ends the VM with a value, for QEMU's isa-debug-exit and its like. */
_Noreturn void debug_exit(uint8_t value);

static inline uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#endif

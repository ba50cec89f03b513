/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include "cpu.h"

/* 16550 (National Semiconductor PC16550D). */
#define COM1 0x3f8
#define UART_THR 0
#define UART_LSR 5
#define LSR_THRE 0x20

#define EXIT_FAILED 1

static int locked;

static uint64_t write_serial(uint64_t text, uint64_t unused)
{
    (void)unused;
    for (const char *at = (const char *)text; *at != '\0'; at++) {
        while ((port_in(COM1 + UART_LSR, 1) & LSR_THRE) == 0)
            cpu_relax();
        port_out(COM1 + UART_THR, 1, (uint8_t)*at);
    }
    return 0;
}

void print_text(const char *text)
{
    at_cpl0(write_serial, (uintptr_t)text, 0);
}

static void print_number(uint64_t value, unsigned base)
{
    char digits[21];
    unsigned at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    print_text(digits + at);
}

static void print_name(const char *name)
{
    print_text(" ");
    print_text(name);
    print_text("=");
}

void print_field(const char *name, uint64_t value)
{
    print_name(name);
    print_number(value, 10);
}

void print_hex_field(const char *name, uint64_t value)
{
    print_name(name);
    print_text("0x");
    print_number(value, 16);
}

void print_text_field(const char *name, const char *value)
{
    print_name(name);
    print_text(value);
}

void console_lock(void)
{
    while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE) != 0)
        cpu_relax();
}

void console_unlock(void)
{
    __atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

void fail(const char *what)
{
    print_text("failed: ");
    print_text(what);
    print_text("\n");
    debug_exit(EXIT_FAILED);
}

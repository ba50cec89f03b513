/* SPDX-License-Identifier: Apache-2.0 */
/* The little of a C library that the guest needs. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);
void *memmove(void *to, const void *from, size_t count);

/* memcpy for addresses of the machine, which the compiler might take for null or out of bounds. */
void copy_bytes(void *to, const void *from, size_t count);

bool text_equals(const char *a, const char *b);

/* Reads a number, decimal or hexadecimal after 0x, with K, M or G behind it for powers of 1024; tells whether it is one. */
bool parse_number(const char *text, uint64_t *value);

#endif

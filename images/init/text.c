// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <stdarg.h>

#include "sys.h"

// The compiler may call these two for initialisations and copies of its own.
void *memset(void *to, int value, size_t length_bytes)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(length_bytes) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length_bytes)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(length_bytes) : : "memory");
    return to;
}

size_t text_length(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

bool text_equals(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

char *text_after(char *text, const char *prefix)
{
    while (*prefix) {
        if (*text++ != *prefix++)
            return NULL;
    }
    return text;
}

// The value of one digit, 16 for anything that is none in any base up to 16.
static unsigned int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return 16;
}

char *text_number(char *text, unsigned long limit, unsigned long *value)
{
    unsigned int base = 10;
    unsigned long number = 0;
    char *at = text;

    if (at[0] == '0' && (at[1] | 0x20) == 'x') {
        base = 16;
        at += 2;
    }
    char *first_digit = at;
    for (unsigned int next; (next = digit(*at)) < base; at++) {
        number = number * base + next;
        if (number > limit)
            return NULL;
    }
    if (at == first_digit)
        return NULL;
    *value = number;
    return at;
}

void text_percent_decode(char *text)
{
    char *to = text;

    while (*text) {
        if (text[0] == '%') {
            unsigned int high = digit(text[1]);
            unsigned int low = high < 16 ? digit(text[2]) : 16;
            if (low < 16 && (high | low)) {
                *to++ = (char)(high << 4 | low);
                text += 3;
                continue;
            }
        }
        *to++ = *text++;
    }
    *to = 0;
}

void text_print(int fd, const char *first, ...)
{
    char line[1024];
    size_t length = 0;
    va_list rest;

    va_start(rest, first);
    for (const char *part = first; part; part = va_arg(rest, const char *)) {
        while (*part && length < sizeof line)
            line[length++] = *part++;
    }
    va_end(rest);
    sys_write(fd, line, length);
}

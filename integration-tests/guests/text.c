/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

void copy_bytes(void *to, const void *from, size_t count)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/* gcc calls the next four by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    copy_bytes(to, from, count);
    return to;
}

void *memset(void *to, int value, size_t count)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if (target <= source || target >= source + count) {
        copy_bytes(to, from, count);
        return to;
    }
    while (count-- > 0)
        ((volatile uint8_t *)target)[count] = source[count];
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *left = a, *right = b;
    for (size_t i = 0; i < count; i++)
        if (left[i] != right[i])
            return left[i] - right[i];
    return 0;
}

bool text_equals(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static unsigned unit_shift(char c)
{
    return c == 'K' ? 10 : c == 'M' ? 20 : c == 'G' ? 30 : 0;
}

bool parse_number(const char *text, uint64_t *value)
{
    int base = 10;
    uint64_t result = 0;
    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        int next = digit(*text);
        if (next < 0 || next >= base) {
            unsigned shift = unit_shift(*text);
            if (shift == 0 || text[1] != '\0')
                return false;
            *value = result << shift;
            return true;
        }
        result = result * (unsigned)base + (unsigned)next;
    }
    *value = result;
    return true;
}

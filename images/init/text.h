// SPDX-License-Identifier: Apache-2.0
//
// Strings and numbers, as far as init needs them.
#ifndef ISTHMUS_INIT_TEXT_H
#define ISTHMUS_INIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

size_t text_length(const char *text);
bool text_equals(const char *a, const char *b);

// The part of text behind prefix, or NULL where text starts differently.
char *text_after(char *text, const char *prefix);

// Reads a decimal, or after 0x a hexadecimal, number of at most `limit`. Returns the first character behind
// it, or NULL where there is no number or it is too large.
char *text_number(char *text, unsigned long limit, unsigned long *value);

// Undoes percent-encoding in place: %XX becomes one byte. Anything that is no such triplet, and %00, stays
// as it is.
void text_percent_decode(char *text);

// Writes the strings, up to a NULL, to a file descriptor in one go.
void text_print(int fd, const char *first, ...) __attribute__((sentinel));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Output at the first serial port. A line of results is a word and then fields, " name=value". */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdint.h>

void print_text(const char *text);
void print_field(const char *name, uint64_t value);
void print_hex_field(const char *name, uint64_t value);
void print_text_field(const char *name, const char *value);

/* For a line that processors must not mix. Not recursive. */
void console_lock(void);
void console_unlock(void);

/* Says what is wrong and ends the VM as failed. */
_Noreturn void fail(const char *what);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: words between spaces, each "name=value" or, the first of them without "=", what to do. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

/* Takes a copy of the command line. */
void options_read(const char *command_line);

/* What to do, or "" where nothing is said. */
const char *options_command(void);

/* An option's value, or another where it is not given; fails where it is no number. */
uint64_t option_number(const char *name, uint64_t otherwise);
const char *option_text(const char *name, const char *otherwise);

/* Fails where an option was given that nobody has asked for, so that a misspelt one does not go unnoticed. */
void options_check_all_used(void);

#endif

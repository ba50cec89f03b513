/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of a folder. Each runs in a directory of its own, which is empty and which is removed with all that the check
 * leaves, and returns NULL, or what went wrong.
 */
#ifndef ISTHMUS_POSIX_CHECK_H
#define ISTHMUS_POSIX_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "sys.h"

struct check {
    const char *name;
    const char *(*run)(void);
};

/* What a check returns that cannot be made here: the file system lacks what it is about. */
extern const char check_skipped[];

/* Whether all files belong to one user whatever is done: no changes of owners, no set-user-ID bits. */
extern bool check_squashed;

/* Whether to do less of everything. */
extern bool check_quick;

#define CHECK_TEXT2(x) #x
#define CHECK_TEXT(x) CHECK_TEXT2(x)

/* Ends the check unless the condition holds. */
#define REQUIRE(condition)                                                   \
    do {                                                                     \
        if (!(condition))                                                    \
            return __FILE_NAME__ ":" CHECK_TEXT(__LINE__) ": " #condition;   \
    } while (0)

/* Tables that end with a check without a name. */
extern const struct check names_checks[], data_checks[], lock_checks[], attribute_checks[], read_only_checks[];

/* Makes a file with some text; returns 0 or -errno. */
long put(const char *name, const char *text);

/* Tells whether a file has just this text. */
bool has(const char *name, const char *text);

/* A file's attributes, the link's own where it is one; mode 0 where there is none. */
struct stat look(const char *name);

/* Runs a function in another process as another user; returns what it returns, 0 to 255. */
int as_user(int uid, int (*run)(void));

/* Runs a function in another process; returns its id. */
long start(int (*run)(void));

/* Waits for a process; returns what its function returned, or -1. */
int join(long pid);

/* Bytes that tell where they are. */
void pattern(unsigned char *bytes, size_t count, uint64_t offset);
bool is_pattern(const unsigned char *bytes, size_t count, uint64_t offset);

size_t length_of(const char *text);
bool is_same(const char *a, const char *b);

/* A decimal number as text, in a buffer that the next call uses again. */
const char *decimal(unsigned long value);

#endif

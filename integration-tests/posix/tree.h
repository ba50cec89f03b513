/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISTHMUS_POSIX_TREE_H
#define ISTHMUS_POSIX_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct tree_entry {
    uint64_t inode;
    int64_t next;
    uint16_t length_bytes;
    uint8_t type;
    char name[];
};

/* Removes a directory with all that is in it. */
bool tree_remove(const char *name);

#endif

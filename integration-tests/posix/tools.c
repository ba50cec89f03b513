/* SPDX-License-Identifier: Apache-2.0 */
/* What checks have in common. */
#include <signal.h>
#include <sys/wait.h>

#include "check.h"
#include "tree.h"


void *memcpy(void *to, const void *from, size_t count)
{
    unsigned char *target = to;
    const unsigned char *source = from;

    while (count--)
        *target++ = *source++;
    return to;
}

void *memset(void *to, int value, size_t count)
{
    unsigned char *target = to;

    while (count--)
        *target++ = (unsigned char)value;
    return to;
}

size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

bool is_same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const char *decimal(unsigned long value)
{
    static char text[24];
    char *at = text + sizeof text - 1;

    *at = 0;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return at;
}

long put(const char *name, const char *text)
{
    long fd = SYS(open, name, O_WRONLY | O_CREAT | O_TRUNC, 0644, 0, 0);
    long length = (long)length_of(text);

    if (fd < 0)
        return fd;
    long written = sys_write((int)fd, text, length);
    sys_close((int)fd);
    return written == length ? 0 : written < 0 ? written : -EIO;
}

bool has(const char *name, const char *text)
{
    char buffer[256];
    long fd = sys_open(name, O_RDONLY);

    if (fd < 0)
        return false;
    long length = sys_read((int)fd, buffer, sizeof buffer - 1);
    sys_close((int)fd);
    if (length < 0)
        return false;
    buffer[length] = 0;
    return is_same(buffer, text);
}

struct stat look(const char *name)
{
    struct stat stat = {0};

    if (SYS(lstat, name, &stat, 0, 0, 0) < 0)
        stat.st_mode = 0;
    return stat;
}

long start(int (*run)(void))
{
    long pid = SYS(fork, 0, 0, 0, 0, 0);

    if (pid != 0)
        return pid;
    int status = run();
    for (;;)
        SYS(exit_group, status, 0, 0, 0, 0);
}

int join(long pid)
{
    int status = 0;

    if (pid < 0 || SYS(wait4, pid, &status, 0, NULL, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int user;
static int (*users_function)(void);

static int as_that_user(void)
{
    SYS(setgroups, 0, NULL, 0, 0, 0);
    if (SYS(setresgid, user, user, user, 0, 0) < 0 || SYS(setresuid, user, user, user, 0, 0) < 0)
        return 255;
    return users_function();
}

int as_user(int uid, int (*run)(void))
{
    user = uid;
    users_function = run;
    return join(start(as_that_user));
}

void pattern(unsigned char *bytes, size_t count, uint64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t place = offset + i;
        bytes[i] = (unsigned char)(place * 31 + (place >> 8) * 7 + (place >> 20));
    }
}

bool is_pattern(const unsigned char *bytes, size_t count, uint64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char expected;
        pattern(&expected, 1, offset + i);
        if (bytes[i] != expected)
            return false;
    }
    return true;
}

/* Removes what can be removed of one directory, and goes into the first directory that is not empty. */
static bool remove_entries(int depth)
{
    static char buffers[64][2048] __attribute__((aligned(8)));
    bool found;

    if (depth == 64)
        return false;
    do {
        long fd = sys_open(".", O_RDONLY | O_DIRECTORY);
        if (fd < 0)
            return false;
        found = false;
        for (long length; (length = SYS(getdents64, fd, buffers[depth], sizeof buffers[depth], 0, 0)) > 0;) {
            for (long at = 0; at < length;) {
                struct tree_entry *entry = (struct tree_entry *)(buffers[depth] + at);
                at += entry->length_bytes;
                if (is_same(entry->name, ".") || is_same(entry->name, ".."))
                    continue;
                found = true;
                if (SYS(unlink, entry->name, 0, 0, 0, 0) == 0 || SYS(rmdir, entry->name, 0, 0, 0, 0) == 0)
                    continue;
                SYS(chmod, entry->name, 0700, 0, 0, 0);
                if (SYS(chdir, entry->name, 0, 0, 0, 0) < 0) {
                    sys_close((int)fd);
                    return false;
                }
                bool removed = remove_entries(depth + 1);
                SYS(chdir, "..", 0, 0, 0, 0);
                if (!removed || SYS(rmdir, entry->name, 0, 0, 0, 0) < 0) {
                    sys_close((int)fd);
                    return false;
                }
            }
        }
        sys_close((int)fd);
        /* Entries may have been passed over while others were removed. */
    } while (found);
    return true;
}

bool tree_remove(const char *name)
{
    if (SYS(chdir, name, 0, 0, 0, 0) < 0)
        return false;
    bool removed = remove_entries(0);
    SYS(chdir, "..", 0, 0, 0, 0);
    return removed && SYS(rmdir, name, 0, 0, 0, 0) == 0;
}

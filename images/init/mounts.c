// SPDX-License-Identifier: Apache-2.0
#include "mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>

#include "sys.h"
#include "text.h"

#define TABLE_BYTES 16384
#define TABLE_MOUNTS 256

static const struct {
    const char *type, *target;
    unsigned long flags;
    const char *data;
} mounts[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"devtmpfs", "/dev", MS_NOSUID, "mode=755"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755"},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
};

static const struct {
    const char *target, *path;
} links[] = {
    {"/proc/self/fd", "/dev/fd"},
    {"fd/0", "/dev/stdin"},
    {"fd/1", "/dev/stdout"},
    {"fd/2", "/dev/stderr"},
};

void mounts_make(void)
{
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        // Directories that devtmpfs does not bring along; for all others this changes nothing.
        SYS(mkdir, mounts[i].target, 0755, 0, 0, 0);
        sys_mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].data);
    }
    SYS(mkdir, "/dev/shm", 01777, 0, 0, 0);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        SYS(symlink, links[i].target, links[i].path, 0, 0, 0);
}

static bool is_ours(const char *target)
{
    if (text_equals(target, "/"))
        return true;
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        if (text_equals(target, mounts[i].target))
            return true;
    }
    return false;
}

// /proc/mounts writes space, tab, newline and backslash as a backslash and three octal digits.
static void octal_decode(char *text)
{
    char *to = text;

    while (*text) {
        if (text[0] == '\\' && text[1] && text[2] && text[3]) {
            *to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 4;
        } else {
            *to++ = *text++;
        }
    }
    *to = 0;
}

// Puts the mount points of /proc/mounts, in the order of mounting, into `targets`. Returns their number.
static int read_table(char *table, char **targets)
{
    int count = 0;
    long length = 0;
    long got;
    long fd = sys_open("/proc/mounts", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    while (length < TABLE_BYTES && (got = sys_read((int)fd, table + length, TABLE_BYTES - length)) > 0)
        length += got;
    sys_close((int)fd);
    table[length] = 0;

    for (char *at = table; *at && count < TABLE_MOUNTS;) {
        while (*at && *at != ' ')
            at++;
        if (*at)
            at++;
        char *target = at;
        while (*at && *at != ' ')
            at++;
        char *end = at;
        while (*at && *at != '\n')
            at++;
        if (*at)
            at++;
        *end = 0;
        octal_decode(target);
        targets[count++] = target;
    }
    return count;
}

void mounts_undo(void)
{
    static char table[TABLE_BYTES + 1];
    static char *targets[TABLE_MOUNTS];

    for (int i = read_table(table, targets); i-- > 0;) {
        if (is_ours(targets[i]))
            continue;
        if (SYS(umount2, targets[i], 0, 0, 0, 0) < 0)
            sys_mount(NULL, targets[i], NULL, MS_REMOUNT | MS_RDONLY, NULL);
    }
}

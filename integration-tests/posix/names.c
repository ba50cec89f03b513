/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of names: files made and removed, links, renames, directories. */
#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "check.h"
#include "tree.h"

#define ENTRIES_MAX 3000
#define ENTRIES (check_quick ? 60 : ENTRIES_MAX)
#define DEPTH (check_quick ? 10 : 50)

static const char *create_exclusive(void)
{
    long fd = SYS(open, "f", O_RDWR | O_CREAT | O_EXCL, 0640, 0, 0);

    REQUIRE(fd >= 0);
    REQUIRE(sys_write((int)fd, "text", 4) == 4);
    sys_close((int)fd);
    REQUIRE((look("f").st_mode & 07777) == 0640);
    REQUIRE(SYS(open, "f", O_RDWR | O_CREAT | O_EXCL, 0640, 0, 0) == -EEXIST);
    fd = SYS(open, "f", O_RDONLY | O_CREAT, 0600, 0, 0);
    REQUIRE(fd >= 0);
    sys_close((int)fd);
    REQUIRE(has("f", "text"));
    REQUIRE(SYS(symlink, "nowhere", "l", 0, 0, 0) == 0);
    REQUIRE(SYS(open, "l", O_RDWR | O_CREAT | O_EXCL, 0600, 0, 0) == -EEXIST);
    REQUIRE(SYS(open, "absent", O_RDONLY, 0, 0, 0) == -ENOENT);
    REQUIRE(SYS(open, "f/x", O_RDONLY, 0, 0, 0) == -ENOTDIR);
    return NULL;
}

static const char *directories(void)
{
    REQUIRE(SYS(mkdir, "d", 0750, 0, 0, 0) == 0);
    REQUIRE((look("d").st_mode & 0777) == 0750);
    REQUIRE(SYS(mkdir, "d", 0750, 0, 0, 0) == -EEXIST);
    REQUIRE(SYS(mkdir, "absent/d", 0750, 0, 0, 0) == -ENOENT);
    REQUIRE(put("d/f", "x") == 0);
    REQUIRE(SYS(rmdir, "d", 0, 0, 0, 0) == -ENOTEMPTY);
    REQUIRE(SYS(rmdir, "d/f", 0, 0, 0, 0) == -ENOTDIR);
    REQUIRE(SYS(unlink, "d/f", 0, 0, 0, 0) == 0);
    long result = SYS(unlink, "d", 0, 0, 0, 0);
    REQUIRE(result == -EISDIR || result == -EPERM);
    REQUIRE(SYS(open, "d", O_WRONLY, 0, 0, 0) == -EISDIR);
    REQUIRE(SYS(rmdir, "d", 0, 0, 0, 0) == 0);
    REQUIRE(SYS(rmdir, "d", 0, 0, 0, 0) == -ENOENT);
    return NULL;
}

static const char *deep_directories(void)
{
    static char path[4096];
    long before = SYS(getcwd, path, sizeof path, 0, 0, 0);

    for (int i = 0; i < DEPTH; i++) {
        REQUIRE(SYS(mkdir, "deeper", 0700, 0, 0, 0) == 0);
        REQUIRE(SYS(chdir, "deeper", 0, 0, 0, 0) == 0);
    }
    REQUIRE(put("f", "below") == 0);
    REQUIRE(SYS(getcwd, path, sizeof path, 0, 0, 0) == before + DEPTH * 7);
    for (int i = 0; i < DEPTH; i++)
        REQUIRE(SYS(chdir, "..", 0, 0, 0, 0) == 0);
    REQUIRE(SYS(getcwd, path, sizeof path, 0, 0, 0) == before);
    return NULL;
}

static const char *rename_files(void)
{
    REQUIRE(put("a", "of a") == 0 && put("b", "of b") == 0);
    uint64_t inode = look("a").st_ino;
    long fd = sys_open("b", O_RDONLY);
    char text[8];

    REQUIRE(SYS(rename, "a", "b", 0, 0, 0) == 0);
    REQUIRE(look("a").st_mode == 0);
    REQUIRE(has("b", "of a") && look("b").st_ino == inode);
    REQUIRE(sys_read((int)fd, text, 4) == 4 && text[3] == 'b');
    sys_close((int)fd);
    REQUIRE(SYS(rename, "a", "c", 0, 0, 0) == -ENOENT);
    REQUIRE(SYS(rename, "b", "b", 0, 0, 0) == 0 && has("b", "of a"));
    REQUIRE(SYS(link, "b", "c", 0, 0, 0) == 0);
    REQUIRE(SYS(rename, "b", "c", 0, 0, 0) == 0 && look("b").st_nlink == 2);
    REQUIRE(SYS(mkdir, "d", 0755, 0, 0, 0) == 0);
    REQUIRE(SYS(rename, "b", "d/b", 0, 0, 0) == 0 && has("d/b", "of a"));
    return NULL;
}

static const char *rename_directories(void)
{
    REQUIRE(SYS(mkdir, "d", 0755, 0, 0, 0) == 0 && SYS(mkdir, "d/e", 0755, 0, 0, 0) == 0);
    REQUIRE(SYS(mkdir, "empty", 0755, 0, 0, 0) == 0 && SYS(mkdir, "full", 0755, 0, 0, 0) == 0);
    REQUIRE(put("full/f", "x") == 0 && put("f", "y") == 0);
    REQUIRE(SYS(rename, "d", "d/e/d", 0, 0, 0) == -EINVAL);
    long result = SYS(rename, "d", "full", 0, 0, 0);
    REQUIRE(result == -ENOTEMPTY || result == -EEXIST);
    REQUIRE(SYS(rename, "d", "f", 0, 0, 0) == -ENOTDIR);
    REQUIRE(SYS(rename, "f", "d", 0, 0, 0) == -EISDIR);
    REQUIRE(SYS(rename, "d", "empty", 0, 0, 0) == 0);
    REQUIRE(S_ISDIR(look("empty/e").st_mode) && look("d").st_mode == 0);
    REQUIRE(SYS(rename, "empty/e", "full/e", 0, 0, 0) == 0);
    REQUIRE(S_ISDIR(look("full/e/../e").st_mode));
    return NULL;
}

static const char *rename_flags(void)
{
    REQUIRE(put("a", "of a") == 0 && put("b", "of b") == 0);
    REQUIRE(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE) == -EEXIST);
    REQUIRE(SYS(renameat2, AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE) == 0);
    REQUIRE(SYS(renameat2, AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE) == 0);
    REQUIRE(has("c", "of b") && has("b", "of a"));
    REQUIRE(SYS(renameat2, AT_FDCWD, "c", AT_FDCWD, "absent", RENAME_EXCHANGE) == -ENOENT);
    return NULL;
}

static const char *hard_links(void)
{
    REQUIRE(put("a", "text") == 0);
    REQUIRE(SYS(link, "a", "b", 0, 0, 0) == 0);
    REQUIRE(look("a").st_nlink == 2 && look("b").st_nlink == 2);
    REQUIRE(look("a").st_ino == look("b").st_ino);
    REQUIRE(SYS(link, "a", "b", 0, 0, 0) == -EEXIST);
    REQUIRE(SYS(link, "absent", "c", 0, 0, 0) == -ENOENT);
    REQUIRE(put("b", "other") == 0 && has("a", "other"));
    REQUIRE(SYS(unlink, "a", 0, 0, 0, 0) == 0);
    REQUIRE(look("b").st_nlink == 1 && has("b", "other"));
    REQUIRE(SYS(mkdir, "d", 0755, 0, 0, 0) == 0);
    REQUIRE(SYS(link, "d", "e", 0, 0, 0) == -EPERM);
    REQUIRE(SYS(symlink, "b", "s", 0, 0, 0) == 0 && SYS(link, "s", "t", 0, 0, 0) == 0);
    REQUIRE(S_ISLNK(look("t").st_mode) && look("s").st_nlink == 2);
    return NULL;
}

static const char *symbolic_links(void)
{
    static char path[4096], read_back[4096];

    REQUIRE(put("f", "text") == 0);
    REQUIRE(SYS(symlink, "f", "l", 0, 0, 0) == 0);
    REQUIRE(SYS(symlink, "f", "l", 0, 0, 0) == -EEXIST);
    REQUIRE(S_ISLNK(look("l").st_mode) && look("l").st_size == 1);
    REQUIRE(has("l", "text"));
    REQUIRE(SYS(readlink, "l", read_back, sizeof read_back, 0, 0) == 1 && read_back[0] == 'f');
    REQUIRE(SYS(readlink, "f", read_back, sizeof read_back, 0, 0) == -EINVAL);
    REQUIRE(SYS(open, "l", O_RDONLY | O_NOFOLLOW, 0, 0, 0) == -ELOOP);
    REQUIRE(SYS(symlink, "loop", "loop", 0, 0, 0) == 0);
    REQUIRE(SYS(open, "loop", O_RDONLY, 0, 0, 0) == -ELOOP);
    REQUIRE(SYS(symlink, "nowhere", "dangling", 0, 0, 0) == 0);
    REQUIRE(SYS(open, "dangling", O_RDONLY, 0, 0, 0) == -ENOENT);
    REQUIRE(put("dangling", "there") == 0 && has("nowhere", "there"));
    for (int i = 0; i < 4000; i++)
        path[i] = i % 100 ? 'p' : '/';
    REQUIRE(SYS(symlink, path, "long", 0, 0, 0) == 0);
    REQUIRE(SYS(readlink, "long", read_back, sizeof read_back, 0, 0) == 4000);
    read_back[4000] = 0;
    REQUIRE(is_same(path, read_back));
    return NULL;
}

static const char *unlink_open_file(void)
{
    long fd = SYS(open, "f", O_RDWR | O_CREAT, 0600, 0, 0);
    struct stat stat;
    char text[8] = "";

    REQUIRE(fd >= 0 && sys_write((int)fd, "before", 6) == 6);
    REQUIRE(SYS(unlink, "f", 0, 0, 0, 0) == 0);
    REQUIRE(look("f").st_mode == 0);
    REQUIRE(SYS(fstat, fd, &stat, 0, 0, 0) == 0 && stat.st_nlink == 0 && stat.st_size == 6);
    REQUIRE(SYS(pwrite64, fd, "behind", 6, 0, 0) == 6);
    REQUIRE(SYS(pread64, fd, text, 6, 0, 0) == 6 && is_same(text, "behind"));
    REQUIRE(SYS(ftruncate, fd, 2, 0, 0, 0) == 0);
    REQUIRE(SYS(fchmod, fd, 0400, 0, 0, 0) == 0);
    REQUIRE(SYS(fstat, fd, &stat, 0, 0, 0) == 0 && stat.st_size == 2 && (stat.st_mode & 0777) == 0400);
    REQUIRE(put("f", "another") == 0);
    REQUIRE(look("f").st_ino != stat.st_ino);
    sys_close((int)fd);
    REQUIRE(has("f", "another"));
    return NULL;
}

static const char *long_and_odd_names(void)
{
    static char name[257];
    static const char *odd[] = {"with space", "\xc3\xa4\xe2\x82\xac", "\xff\xfe", "a\nb", "...", "-", "*?[", "\\", "\x7f"};

    memset(name, 'n', 256);
    REQUIRE(SYS(mknod, name, S_IFREG | 0600, 0, 0, 0) == -ENAMETOOLONG);
    name[255] = 0;
    REQUIRE(put(name, "long") == 0 && has(name, "long"));
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        REQUIRE(put(odd[i], odd[i]) == 0);
        REQUIRE(has(odd[i], odd[i]));
    }
    return NULL;
}

static const char *special_files(void)
{
    char text[4] = "";

    REQUIRE(SYS(mknod, "fifo", S_IFIFO | 0620, 0, 0, 0) == 0);
    REQUIRE(look("fifo").st_mode == (S_IFIFO | 0620));
    long fd = sys_open("fifo", O_RDWR | O_NONBLOCK);
    REQUIRE(fd >= 0);
    REQUIRE(sys_write((int)fd, "abc", 3) == 3 && sys_read((int)fd, text, 3) == 3 && is_same(text, "abc"));
    sys_close((int)fd);
    struct {
        uint16_t family;
        char path[16];
    } address = {AF_UNIX, "socket"};
    fd = SYS(socket, AF_UNIX, SOCK_STREAM, 0, 0, 0);
    REQUIRE(fd >= 0 && SYS(bind, fd, &address, sizeof address, 0, 0) == 0);
    REQUIRE(S_ISSOCK(look("socket").st_mode));
    sys_close((int)fd);
    REQUIRE(SYS(mknod, "regular", S_IFREG | 0604, 0, 0, 0) == 0);
    REQUIRE(look("regular").st_mode == (S_IFREG | 0604));
    return NULL;
}

static char seen[ENTRIES_MAX];

static bool note(const char *name)
{
    int number = 0;

    if (name[0] != 'e')
        return name[0] == '.';
    for (const char *digit = name + 1; *digit; digit++)
        number = number * 10 + *digit - '0';
    if (number >= ENTRIES || seen[number])
        return false;
    seen[number] = 1;
    return true;
}

static const char *list_thousands(void)
{
    static char buffer[8192] __attribute__((aligned(8)));
    char name[16] = "e";
    int count = 0;
    int64_t place = 0;
    uint64_t after = 0;

    for (int i = 0; i < ENTRIES; i++) {
        const char *digits = decimal(i);
        memcpy(name + 1, digits, length_of(digits) + 1);
        REQUIRE(SYS(mknod, name, S_IFREG | 0600, 0, 0, 0) == 0);
    }
    long fd = sys_open(".", O_RDONLY | O_DIRECTORY);
    for (long length; (length = SYS(getdents64, fd, buffer, sizeof buffer, 0, 0)) > 0;) {
        for (long at = 0; at < length;) {
            struct tree_entry *entry = (struct tree_entry *)(buffer + at);
            at += entry->length_bytes;
            REQUIRE(note(entry->name));
            REQUIRE(entry->name[0] == '.' || entry->inode == look(entry->name).st_ino || count % 100);
            if (place != 0 && after == 0)
                after = entry->inode;
            if (++count == ENTRIES / 2)
                place = entry->next;
        }
    }
    REQUIRE(count == ENTRIES + 2);
    REQUIRE(SYS(lseek, fd, place, SEEK_SET, 0, 0) == place);
    REQUIRE(SYS(getdents64, fd, buffer, sizeof buffer, 0, 0) > 0);
    REQUIRE(((struct tree_entry *)buffer)->inode == after);
    REQUIRE(SYS(lseek, fd, 0, SEEK_SET, 0, 0) == 0);
    REQUIRE(SYS(getdents64, fd, buffer, sizeof buffer, 0, 0) > 0);
    sys_close((int)fd);
    return NULL;
}

static const char *file_without_name(void)
{
    long fd = SYS(open, ".", O_TMPFILE | O_RDWR, 0640, 0, 0);
    static char path[64] = "/proc/self/fd/";

    if (fd == -EOPNOTSUPP)
        return check_skipped;
    REQUIRE(fd >= 0);
    REQUIRE(sys_write((int)fd, "hidden", 6) == 6);
    const char *digits = decimal(fd);
    memcpy(path + 14, digits, length_of(digits) + 1);
    REQUIRE(SYS(linkat, AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW) == 0);
    sys_close((int)fd);
    REQUIRE(has("shown", "hidden") && look("shown").st_nlink == 1 && (look("shown").st_mode & 0777) == 0640);
    return NULL;
}

const struct check names_checks[] = {
    {"create_exclusive", create_exclusive},
    {"directories", directories},
    {"deep_directories", deep_directories},
    {"rename_files", rename_files},
    {"rename_directories", rename_directories},
    {"rename_flags", rename_flags},
    {"hard_links", hard_links},
    {"symbolic_links", symbolic_links},
    {"unlink_open_file", unlink_open_file},
    {"long_and_odd_names", long_and_odd_names},
    {"special_files", special_files},
    {"list_thousands", list_thousands},
    {"file_without_name", file_without_name},
    {NULL, NULL},
};

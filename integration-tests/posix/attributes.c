/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of attributes: permissions, owners, times, extended attributes; and of a folder that is read-only. */
#include <linux/xattr.h>
#include <sys/statfs.h>
#include <time.h>

#include "check.h"

#define USER 1000
#define OTHER_USER 1001
#define XATTR "user.check"

static const char *modes(void)
{
    static const unsigned modes[] = {0, 0400, 0640, 0755, 0777, 01644};

    REQUIRE(put("f", "x") == 0 && SYS(mkdir, "d", 0700, 0, 0, 0) == 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        REQUIRE(SYS(chmod, "f", modes[i], 0, 0, 0) == 0 && look("f").st_mode == (S_IFREG | modes[i]));
        REQUIRE(SYS(chmod, "d", modes[i], 0, 0, 0) == 0 && look("d").st_mode == (S_IFDIR | modes[i]));
    }
    REQUIRE(SYS(umask, 027, 0, 0, 0, 0) == 0);
    long fd = SYS(open, "masked", O_RDWR | O_CREAT, 0666, 0, 0);
    long made = SYS(mkdir, "masked-directory", 0777, 0, 0, 0);
    SYS(umask, 0, 0, 0, 0, 0);
    REQUIRE(fd >= 0 && (look("masked").st_mode & 07777) == 0640);
    REQUIRE(made == 0 && (look("masked-directory").st_mode & 07777) == 0750);
    REQUIRE(SYS(fchmod, fd, 0604, 0, 0, 0) == 0 && (look("masked").st_mode & 07777) == 0604);
    sys_close((int)fd);
    fd = SYS(open, "write-only", O_RDWR | O_CREAT, 0200, 0, 0);
    REQUIRE(fd >= 0 && sys_write((int)fd, "x", 1) == 1);
    sys_close((int)fd);
    return NULL;
}

/* Each failure has a status of its own. */
static int use_what_is_forbidden(void)
{
    if (SYS(open, "private", O_RDONLY, 0, 0, 0) != -EACCES)
        return 1;
    if (SYS(open, "readable", O_RDWR, 0, 0, 0) != -EACCES || !has("readable", "text"))
        return 2;
    if (SYS(open, "closed/f", O_RDONLY, 0, 0, 0) != -EACCES)
        return 3;
    if (SYS(mkdir, "new", 0755, 0, 0, 0) != -EACCES || SYS(unlink, "readable", 0, 0, 0, 0) != -EACCES)
        return 4;
    if (SYS(rename, "readable", "shared/f", 0, 0, 0) != -EACCES)
        return 5;
    if (SYS(unlink, "sticky/f", 0, 0, 0, 0) != -EPERM || SYS(rename, "sticky/f", "sticky/g", 0, 0, 0) != -EPERM)
        return 6;
    if (SYS(chmod, "readable", 0666, 0, 0, 0) != -EPERM || SYS(truncate, "readable", 0, 0, 0, 0) != -EACCES)
        return 7;
    if (SYS(chown, "readable", USER, USER, 0, 0) != -EPERM)
        return 8;
    if (put("shared/own", "x") != 0 || SYS(access, "private", 4, 0, 0, 0) != -EACCES)
        return 9;
    return 0;
}

static const char *permissions(void)
{
    REQUIRE(SYS(chmod, ".", 0755, 0, 0, 0) == 0);
    REQUIRE(put("private", "text") == 0 && SYS(chmod, "private", 0600, 0, 0, 0) == 0);
    REQUIRE(put("readable", "text") == 0);
    REQUIRE(SYS(mkdir, "closed", 0700, 0, 0, 0) == 0 && put("closed/f", "x") == 0);
    REQUIRE(SYS(mkdir, "shared", 0777, 0, 0, 0) == 0);
    REQUIRE(SYS(mkdir, "sticky", 0777, 0, 0, 0) == 0 && SYS(chmod, "sticky", 01777, 0, 0, 0) == 0);
    REQUIRE(put("sticky/f", "x") == 0);
    REQUIRE(as_user(USER, use_what_is_forbidden) == 0);
    REQUIRE(has("shared/own", "x"));
    return NULL;
}

static int own_files(void)
{
    long fd = SYS(open, "own", O_RDWR | O_CREAT, 0600, 0, 0);

    if (fd < 0 || sys_write((int)fd, "mine", 4) != 4)
        return 1;
    if (look("own").st_uid != USER || look("own").st_gid != USER)
        return 2;
    if (SYS(chmod, "own", 0640, 0, 0, 0) != 0 || SYS(chown, "own", OTHER_USER, -1, 0, 0) != -EPERM)
        return 3;
    if (SYS(mkdir, "own-directory", 0700, 0, 0, 0) != 0 || SYS(symlink, "x", "own-link", 0, 0, 0) != 0)
        return 4;
    return look("own-directory").st_uid == USER && look("own-link").st_uid == USER ? 0 : 5;
}

static const char *owners(void)
{
    REQUIRE(put("f", "x") == 0 && SYS(chmod, ".", 0777, 0, 0, 0) == 0);
    if (check_squashed) {
        struct stat stat = look("f");
        REQUIRE(SYS(chown, "f", stat.st_uid + 1, stat.st_gid, 0, 0) == -EPERM);
        REQUIRE(SYS(chown, "f", stat.st_uid, stat.st_gid, 0, 0) == 0);
        return NULL;
    }
    REQUIRE(SYS(chown, "f", USER, OTHER_USER, 0, 0) == 0);
    REQUIRE(look("f").st_uid == USER && look("f").st_gid == OTHER_USER);
    REQUIRE(SYS(chown, "f", -1, USER, 0, 0) == 0);
    REQUIRE(look("f").st_uid == USER && look("f").st_gid == USER);
    REQUIRE(SYS(symlink, "f", "l", 0, 0, 0) == 0 && SYS(lchown, "l", OTHER_USER, 0, 0, 0) == 0);
    REQUIRE(look("l").st_uid == OTHER_USER && look("f").st_uid == USER);
    REQUIRE(as_user(USER, own_files) == 0);
    REQUIRE(has("own", "mine"));
    /* A directory with the set-group-ID bit hands its group down. */
    REQUIRE(SYS(mkdir, "group", 0777, 0, 0, 0) == 0 && SYS(chown, "group", 0, OTHER_USER, 0, 0) == 0);
    REQUIRE(SYS(chmod, "group", 02777, 0, 0, 0) == 0 && put("group/f", "x") == 0);
    REQUIRE(look("group/f").st_gid == OTHER_USER);
    REQUIRE(SYS(mkdir, "group/d", 0755, 0, 0, 0) == 0 && (look("group/d").st_mode & 02000));
    return NULL;
}

static int change_program(void)
{
    long fd = sys_open("program", O_WRONLY);

    return fd >= 0 && sys_write((int)fd, "y", 1) == 1 ? 0 : 1;
}

static int empty_program(void)
{
    return SYS(open, "program", O_WRONLY | O_TRUNC, 0, 0, 0) >= 0 ? 0 : 1;
}

static const char *set_user_id(void)
{
    REQUIRE(put("program", "x") == 0 && SYS(chmod, ".", 0755, 0, 0, 0) == 0);
    REQUIRE(SYS(chmod, "program", 06777, 0, 0, 0) == 0);
    if (check_squashed) {
        REQUIRE((look("program").st_mode & 07777) == 0777);
        return NULL;
    }
    REQUIRE((look("program").st_mode & 07777) == 06777);
    REQUIRE(as_user(USER, change_program) == 0);
    REQUIRE((look("program").st_mode & 07777) == 0777);
    REQUIRE(SYS(chmod, "program", 04777, 0, 0, 0) == 0);
    REQUIRE(as_user(USER, empty_program) == 0);
    REQUIRE((look("program").st_mode & 07777) == 0777);
    REQUIRE(SYS(chmod, "program", 04755, 0, 0, 0) == 0 && SYS(chown, "program", USER, USER, 0, 0) == 0);
    REQUIRE((look("program").st_mode & 07777) == 0755);
    return NULL;
}

static const char *times(void)
{
    struct timespec times[2] = {{1000000000, 123456789}, {1700000000, 987654321}};

    REQUIRE(put("f", "x") == 0 && SYS(symlink, "f", "l", 0, 0, 0) == 0);
    REQUIRE(SYS(utimensat, AT_FDCWD, "f", times, 0, 0) == 0);
    struct stat stat = look("f");
    REQUIRE(stat.st_atim.tv_sec == 1000000000 && stat.st_atim.tv_nsec == 123456789);
    REQUIRE(stat.st_mtim.tv_sec == 1700000000 && stat.st_mtim.tv_nsec == 987654321);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    REQUIRE(SYS(utimensat, AT_FDCWD, "f", times, 0, 0) == 0);
    REQUIRE(look("f").st_atim.tv_sec == 1000000000 && look("f").st_mtim.tv_sec > 1700000000);
    times[0] = (struct timespec){5, 6};
    times[1] = (struct timespec){7, 8};
    REQUIRE(SYS(utimensat, AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW, 0) == 0);
    REQUIRE(look("l").st_mtim.tv_sec == 7 && look("f").st_mtim.tv_sec != 7);
    REQUIRE(SYS(utimensat, AT_FDCWD, "f", times, 0, 0) == 0 && look("f").st_mtim.tv_sec == 7);
    REQUIRE(put("f", "yy") == 0 && look("f").st_mtim.tv_sec > 1700000000);
    times[1].tv_sec = -100;
    REQUIRE(SYS(utimensat, AT_FDCWD, ".", times, 0, 0) == 0 && look(".").st_mtim.tv_sec == -100);
    REQUIRE(put("g", "x") == 0 && look(".").st_mtim.tv_sec > 1700000000);
    struct stat before = look("g");
    REQUIRE(SYS(chmod, "g", 0600, 0, 0, 0) == 0);
    struct stat after = look("g");
    REQUIRE(after.st_ctim.tv_sec > before.st_ctim.tv_sec || after.st_ctim.tv_nsec >= before.st_ctim.tv_nsec);
    return NULL;
}

static const char *extended_attributes(void)
{
    static char value[4096], list[4096];

    REQUIRE(put("f", "x") == 0);
    long result = SYS(setxattr, "f", XATTR, "value", 5, 0);
    if (result == -EOPNOTSUPP)
        return check_skipped;
    REQUIRE(result == 0);
    REQUIRE(SYS(getxattr, "f", XATTR, NULL, 0, 0) == 5);
    REQUIRE(SYS(getxattr, "f", XATTR, value, sizeof value, 0) == 5 && is_same(value, "value"));
    REQUIRE(SYS(getxattr, "f", XATTR, value, 4, 0) == -ERANGE);
    REQUIRE(SYS(setxattr, "f", XATTR, "", 0, XATTR_CREATE) == -EEXIST);
    REQUIRE(SYS(setxattr, "f", "user.absent", "", 0, XATTR_REPLACE) == -ENODATA);
    REQUIRE(SYS(setxattr, "f", "user.empty", "", 0, XATTR_CREATE) == 0);
    REQUIRE(SYS(getxattr, "f", "user.empty", value, sizeof value, 0) == 0);
    REQUIRE(SYS(listxattr, "f", NULL, 0, 0, 0) >= (long)sizeof XATTR + 11);
    long length = SYS(listxattr, "f", list, sizeof list, 0, 0);
    int found = 0;
    for (long at = 0; at < length; at += length_of(list + at) + 1)
        found += is_same(list + at, XATTR) || is_same(list + at, "user.empty");
    REQUIRE(found == 2);
    REQUIRE(SYS(removexattr, "f", XATTR, 0, 0, 0) == 0);
    REQUIRE(SYS(getxattr, "f", XATTR, value, sizeof value, 0) == -ENODATA);
    REQUIRE(SYS(removexattr, "f", XATTR, 0, 0, 0) == -ENODATA);
    long fd = sys_open("f", O_RDWR);
    REQUIRE(SYS(fsetxattr, fd, XATTR, "again", 5, 0) == 0 && SYS(fgetxattr, fd, XATTR, value, 10, 0) == 5);
    sys_close((int)fd);
    REQUIRE(SYS(mkdir, "d", 0755, 0, 0, 0) == 0 && SYS(setxattr, "d", XATTR, "of d", 4, 0) == 0);
    return NULL;
}

static const char *file_system(void)
{
    struct statfs stat;

    REQUIRE(SYS(statfs, ".", &stat, 0, 0, 0) == 0);
    REQUIRE(stat.f_namelen == 255 && stat.f_bsize > 0);
    REQUIRE(stat.f_bfree <= stat.f_blocks && stat.f_bavail <= stat.f_bfree);
    return NULL;
}

const struct check attribute_checks[] = {
    {"modes", modes},
    {"permissions", permissions},
    {"owners", owners},
    {"set_user_id", set_user_id},
    {"times", times},
    {"extended_attributes", extended_attributes},
    {"file_system", file_system},
    {NULL, NULL},
};

static const char *read_only_reading(void)
{
    char path[64];

    REQUIRE(has("file", "contents"));
    REQUIRE(look("file").st_size == 8);
    REQUIRE(SYS(readlink, "file", path, sizeof path, 0, 0) == -EINVAL);
    long fd = sys_open(".", O_RDONLY | O_DIRECTORY);
    REQUIRE(fd >= 0 && SYS(getdents64, fd, path, sizeof path, 0, 0) > 0);
    sys_close((int)fd);
    return NULL;
}

static const char *read_only_changes(void)
{
    struct timespec times[2] = {{1, 2}, {3, 4}};

    REQUIRE(SYS(open, "file", O_WRONLY, 0, 0, 0) == -EROFS && SYS(open, "file", O_RDWR, 0, 0, 0) == -EROFS);
    REQUIRE(SYS(open, "file", O_RDONLY | O_TRUNC, 0, 0, 0) == -EROFS);
    REQUIRE(SYS(open, "new", O_RDWR | O_CREAT, 0600, 0, 0) == -EROFS);
    REQUIRE(SYS(open, ".", O_RDWR | O_TMPFILE, 0600, 0, 0) == -EROFS);
    REQUIRE(SYS(mkdir, "new", 0700, 0, 0, 0) == -EROFS && SYS(symlink, "x", "new", 0, 0, 0) == -EROFS);
    REQUIRE(SYS(mknod, "new", S_IFIFO | 0600, 0, 0, 0) == -EROFS && SYS(link, "file", "new", 0, 0, 0) == -EROFS);
    REQUIRE(SYS(unlink, "file", 0, 0, 0, 0) == -EROFS && SYS(rename, "file", "new", 0, 0, 0) == -EROFS);
    REQUIRE(SYS(renameat2, AT_FDCWD, "file", AT_FDCWD, "new", 1) == -EROFS);
    REQUIRE(SYS(chmod, "file", 0600, 0, 0, 0) == -EROFS && SYS(chown, "file", 0, 0, 0, 0) == -EROFS);
    REQUIRE(SYS(truncate, "file", 0, 0, 0, 0) == -EROFS);
    REQUIRE(SYS(utimensat, AT_FDCWD, "file", times, 0, 0) == -EROFS);
    REQUIRE(SYS(setxattr, "file", XATTR, "x", 1, 0) == -EROFS);
    REQUIRE(SYS(removexattr, "file", XATTR, 0, 0, 0) == -EROFS);
    REQUIRE(has("file", "contents"));
    return NULL;
}

const struct check read_only_checks[] = {
    {"read_only_reading", read_only_reading},
    {"read_only_changes", read_only_changes},
    {NULL, NULL},
};

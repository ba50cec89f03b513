/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of locks between processes. */
#include <sys/file.h>

#include "check.h"

/* fcntl's commands for locks of open file descriptions (linux/fcntl.h). */
#define OFD_GETLK 36
#define OFD_SETLK 37

static struct flock range(short type, long from, long length_bytes)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = length_bytes};
}

/* 0: both are refused and one byte before is not; what is asked of the lock tells its holder. */
static int meet_process_lock(void)
{
    long fd = sys_open("f", O_RDWR);
    struct flock wanted = range(F_WRLCK, 150, 1), asked = range(F_RDLCK, 0, 0), before = range(F_WRLCK, 99, 1);

    if (SYS(fcntl, fd, F_SETLK, &wanted, 0, 0) != -EAGAIN)
        return 1;
    if (SYS(fcntl, fd, F_GETLK, &asked, 0, 0) != 0 || asked.l_type != F_WRLCK || asked.l_start != 100)
        return 2;
    if (asked.l_pid != SYS(getppid, 0, 0, 0, 0, 0))
        return 3;
    return SYS(fcntl, fd, F_SETLK, &before, 0, 0) == 0 ? 0 : 4;
}

static int meet_no_lock(void)
{
    long fd = sys_open("f", O_RDWR);
    struct flock wanted = range(F_WRLCK, 0, 0);

    return SYS(fcntl, fd, F_SETLK, &wanted, 0, 0) == 0 ? 0 : 1;
}

static const char *process_locks(void)
{
    REQUIRE(put("f", "text") == 0);
    long fd = sys_open("f", O_RDWR);
    struct flock lock = range(F_WRLCK, 100, 100), unlock = range(F_UNLCK, 0, 0);

    REQUIRE(SYS(fcntl, fd, F_SETLK, &lock, 0, 0) == 0);
    REQUIRE(join(start(meet_process_lock)) == 0);
    REQUIRE(SYS(fcntl, fd, F_SETLK, &unlock, 0, 0) == 0);
    REQUIRE(join(start(meet_no_lock)) == 0);
    REQUIRE(SYS(fcntl, fd, F_SETLK, &lock, 0, 0) == 0);
    /* Closing any descriptor of the file ends the process's locks of it. */
    sys_close((int)sys_open("f", O_RDONLY));
    REQUIRE(join(start(meet_no_lock)) == 0);
    sys_close((int)fd);
    return NULL;
}

static int wait_for_lock(void)
{
    long fd = sys_open("f", O_RDWR);
    struct flock wanted = range(F_WRLCK, 0, 0);

    if (SYS(fcntl, fd, F_SETLKW, &wanted, 0, 0) != 0)
        return 1;
    return has("f", "after") ? 0 : 2;
}

static const char *waiting_locks(void)
{
    REQUIRE(put("f", "before") == 0);
    long fd = sys_open("f", O_RDWR);
    struct flock lock = range(F_WRLCK, 0, 0), unlock = range(F_UNLCK, 0, 0);

    REQUIRE(SYS(fcntl, fd, F_SETLK, &lock, 0, 0) == 0);
    long waiter = start(wait_for_lock);
    REQUIRE(SYS(pwrite64, fd, "after", 5, 0, 0) == 5 && SYS(ftruncate, fd, 5, 0, 0, 0) == 0);
    REQUIRE(SYS(fcntl, fd, F_SETLK, &unlock, 0, 0) == 0);
    REQUIRE(join(waiter) == 0);
    sys_close((int)fd);
    return NULL;
}

static int meet_flock(void)
{
    long fd = sys_open("f", O_RDWR);

    return SYS(flock, fd, LOCK_EX | LOCK_NB, 0, 0, 0) == -EAGAIN && SYS(flock, fd, LOCK_SH | LOCK_NB, 0, 0, 0) == 0 ? 0 : 1;
}

static const char *whole_file_locks(void)
{
    REQUIRE(put("f", "text") == 0);
    long fd = sys_open("f", O_RDONLY);
    long other = sys_open("f", O_RDONLY);

    REQUIRE(SYS(flock, fd, LOCK_SH, 0, 0, 0) == 0);
    REQUIRE(join(start(meet_flock)) == 0);
    REQUIRE(SYS(flock, other, LOCK_EX | LOCK_NB, 0, 0, 0) == -EAGAIN);
    sys_close((int)fd);
    REQUIRE(SYS(flock, other, LOCK_EX | LOCK_NB, 0, 0, 0) == 0);
    sys_close((int)other);
    return NULL;
}

static const char *description_locks(void)
{
    REQUIRE(put("f", "text") == 0);
    long fd = sys_open("f", O_RDWR), other = sys_open("f", O_RDWR);
    struct flock lock = range(F_WRLCK, 0, 10), wanted = range(F_WRLCK, 5, 1);

    REQUIRE(SYS(fcntl, fd, OFD_SETLK, &lock, 0, 0) == 0);
    REQUIRE(SYS(fcntl, other, OFD_SETLK, &wanted, 0, 0) == -EAGAIN);
    REQUIRE(SYS(fcntl, other, OFD_GETLK, &wanted, 0, 0) == 0 && wanted.l_type == F_WRLCK);
    sys_close((int)fd);
    wanted = range(F_WRLCK, 5, 1);
    REQUIRE(SYS(fcntl, other, OFD_SETLK, &wanted, 0, 0) == 0);
    sys_close((int)other);
    return NULL;
}

const struct check lock_checks[] = {
    {"process_locks", process_locks},
    {"waiting_locks", waiting_locks},
    {"whole_file_locks", whole_file_locks},
    {"description_locks", description_locks},
    {NULL, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what is in files: reading, writing, sizes, holes, mappings. */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "check.h"

#define PAGE_BYTES 4096
#define KIB (1UL << 10)
#define MIB (1UL << 20)
#define GIB (1UL << 30)
#define RECORDS (check_quick ? 10 : 200)

static unsigned char buffer[MIB + 3 * PAGE_BYTES];

static long create(const char *name, int flags)
{
    return SYS(open, name, flags | O_CREAT, 0644, 0, 0);
}

static const char *read_and_write(void)
{
    long fd = create("f", O_RDWR);

    REQUIRE(fd >= 0);
    pattern(buffer, 10000, 0);
    REQUIRE(sys_write((int)fd, buffer, 10000) == 10000);
    REQUIRE(SYS(lseek, fd, 0, SEEK_CUR, 0, 0) == 10000);
    REQUIRE(SYS(pread64, fd, buffer, 5000, 6000, 0) == 4000 && is_pattern(buffer, 4000, 6000));
    REQUIRE(SYS(pread64, fd, buffer, 10, 10000, 0) == 0);
    REQUIRE(SYS(pread64, fd, buffer, 10, 20000, 0) == 0);
    REQUIRE(SYS(pwrite64, fd, "X", 1, 9999, 0) == 1 && look("f").st_size == 10000);
    long reader = sys_open("f", O_RDONLY);
    REQUIRE(SYS(pread64, reader, buffer, 2, 9998, 0) == 2 && buffer[1] == 'X');
    REQUIRE(sys_write((int)reader, "X", 1) == -EBADF);
    long writer = sys_open("f", O_WRONLY);
    REQUIRE(sys_read((int)writer, buffer, 1) == -EBADF);
    struct iovec pieces[64];
    for (int i = 0; i < 64; i++)
        pieces[i] = (struct iovec){buffer + i * 100, 37};
    for (int i = 0; i < 64; i++)
        pattern(buffer + i * 100, 37, 37 * i);
    REQUIRE(SYS(pwritev, writer, pieces, 64, 20000, 0) == 64 * 37);
    REQUIRE(SYS(pread64, reader, buffer, 64 * 37, 20000, 0) == 64 * 37 && is_pattern(buffer, 64 * 37, 0));
    REQUIRE(SYS(fsync, writer, 0, 0, 0, 0) == 0 && SYS(fdatasync, writer, 0, 0, 0, 0) == 0);
    REQUIRE(SYS(syncfs, writer, 0, 0, 0, 0) == 0);
    sys_close((int)fd);
    sys_close((int)reader);
    sys_close((int)writer);
    return NULL;
}

static const char *large_transfers(void)
{
    long fd = create("f", O_RDWR);
    static const size_t sizes[] = {MIB, 1, MIB + 4097, 65535, PAGE_BYTES, 300000, MIB + 2 * PAGE_BYTES + 1};
    uint64_t offset = 0;

    REQUIRE(fd >= 0);
    for (int round = 0; round < (check_quick ? 1 : 3); round++) {
        for (size_t i = check_quick ? 1 : 0; i < sizeof sizes / sizeof sizes[0] - (check_quick ? 1 : 0); i++) {
            pattern(buffer, sizes[i], offset);
            REQUIRE(sys_write((int)fd, buffer, sizes[i]) == (long)sizes[i]);
            offset += sizes[i];
        }
    }
    REQUIRE(look("f").st_size == (long)offset);
    sys_close((int)fd);
    fd = sys_open("f", O_RDONLY);
    uint64_t done = 0;
    for (long length; (length = sys_read((int)fd, buffer, sizeof buffer)) > 0; done += length)
        REQUIRE(is_pattern(buffer, length, done));
    REQUIRE(done == offset);
    sys_close((int)fd);
    return NULL;
}

static const char *large_file(void)
{
    long fd = create("f", O_RDWR);
    unsigned long end = 5 * GIB + 123;

    REQUIRE(fd >= 0);
    REQUIRE(SYS(pwrite64, fd, "far", 3, end, 0) == 3);
    REQUIRE(look("f").st_size == (long)end + 3);
    REQUIRE(look("f").st_blocks < 2048);
    REQUIRE(SYS(pread64, fd, buffer, 10, end - 2, 0) == 5 && buffer[1] == 0 && buffer[2] == 'f');
    REQUIRE(SYS(pread64, fd, buffer, 10, 4 * GIB, 0) == 10 && buffer[0] == 0);
    REQUIRE(SYS(lseek, fd, -3, SEEK_END, 0, 0) == (long)end);
    sys_close((int)fd);
    return NULL;
}

static int append_records(void)
{
    long fd = sys_open("log", O_WRONLY | O_APPEND);

    for (int i = 0; i < RECORDS; i++) {
        if (sys_write((int)fd, "0123456789abcdef", 16) != 16)
            return 1;
    }
    return 0;
}

static const char *append(void)
{
    long a = create("log", O_WRONLY | O_APPEND);
    long b = sys_open("log", O_RDWR | O_APPEND);
    char text[40];

    REQUIRE(a >= 0 && b >= 0);
    REQUIRE(sys_write((int)a, "one ", 4) == 4 && sys_write((int)b, "two ", 4) == 4);
    REQUIRE(sys_write((int)a, "three ", 6) == 6);
    REQUIRE(SYS(lseek, b, 0, SEEK_SET, 0, 0) == 0 && sys_write((int)b, "four", 4) == 4);
    REQUIRE(has("log", "one two three four"));
    REQUIRE(SYS(ftruncate, a, 0, 0, 0, 0) == 0);
    long first = start(append_records), second = start(append_records);
    REQUIRE(join(first) == 0 && join(second) == 0);
    REQUIRE(look("log").st_size == 2 * RECORDS * 16);
    for (int i = 0; i < 2 * RECORDS; i++) {
        REQUIRE(SYS(pread64, b, text, 16, i * 16, 0) == 16);
        REQUIRE(text[0] == '0' && text[15] == 'f');
    }
    sys_close((int)a);
    sys_close((int)b);
    return NULL;
}

static const char *truncate_files(void)
{
    long fd = create("f", O_RDWR);

    REQUIRE(fd >= 0);
    pattern(buffer, 10000, 0);
    REQUIRE(sys_write((int)fd, buffer, 10000) == 10000);
    REQUIRE(SYS(ftruncate, fd, 5000, 0, 0, 0) == 0 && look("f").st_size == 5000);
    REQUIRE(SYS(truncate, "f", 20000, 0, 0, 0) == 0 && look("f").st_size == 20000);
    REQUIRE(SYS(pread64, fd, buffer, 20000, 0, 0) == 20000 && is_pattern(buffer, 5000, 0));
    for (int i = 5000; i < 20000; i++)
        REQUIRE(buffer[i] == 0);
    REQUIRE(SYS(ftruncate, fd, -1, 0, 0, 0) == -EINVAL);
    long reader = sys_open("f", O_RDONLY);
    REQUIRE(SYS(ftruncate, reader, 0, 0, 0, 0) == -EINVAL);
    REQUIRE(SYS(truncate, ".", 0, 0, 0, 0) == -EISDIR);
    REQUIRE(SYS(truncate, "absent", 0, 0, 0, 0) == -ENOENT);
    long emptied = sys_open("f", O_WRONLY | O_TRUNC);
    REQUIRE(emptied >= 0 && look("f").st_size == 0);
    REQUIRE(SYS(pread64, reader, buffer, 10, 0, 0) == 0);
    sys_close((int)fd);
    sys_close((int)reader);
    sys_close((int)emptied);
    return NULL;
}

static const char *holes(void)
{
    long fd = create("f", O_RDWR);

    REQUIRE(fd >= 0);
    pattern(buffer, 64 * KIB, 0);
    REQUIRE(SYS(pwrite64, fd, buffer, 64 * KIB, MIB, 0) == 64 * KIB);
    REQUIRE(SYS(ftruncate, fd, 4 * MIB, 0, 0, 0) == 0);
    REQUIRE(SYS(lseek, fd, 0, SEEK_DATA, 0, 0) == MIB);
    REQUIRE(SYS(lseek, fd, MIB, SEEK_HOLE, 0, 0) == MIB + 64 * KIB);
    REQUIRE(SYS(lseek, fd, 2 * MIB, SEEK_DATA, 0, 0) == -ENXIO);
    REQUIRE(SYS(lseek, fd, 4 * MIB, SEEK_HOLE, 0, 0) == -ENXIO);
    REQUIRE(look("f").st_blocks < 4 * (long)MIB / 512);
    long punched = SYS(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MIB + 4096, 8192, 0);
    if (punched == -EOPNOTSUPP)
        return check_skipped;
    REQUIRE(punched == 0);
    REQUIRE(SYS(pread64, fd, buffer, 16384, MIB, 0) == 16384);
    REQUIRE(is_pattern(buffer, 4096, 0) && is_pattern(buffer + 12288, 4096, 12288));
    for (int i = 4096; i < 12288; i++)
        REQUIRE(buffer[i] == 0);
    REQUIRE(SYS(lseek, fd, MIB, SEEK_HOLE, 0, 0) == MIB + 4096);
    REQUIRE(look("f").st_size == 4 * MIB);
    sys_close((int)fd);
    return NULL;
}

static const char *allocate(void)
{
    long fd = create("f", O_RDWR);
    long result = SYS(fallocate, fd, 0, 1000, 100000, 0);

    if (result == -EOPNOTSUPP)
        return check_skipped;
    REQUIRE(result == 0 && look("f").st_size == 101000);
    REQUIRE(SYS(fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 400000, 0) == 0 && look("f").st_size == 101000);
    REQUIRE(look("f").st_blocks * 512 >= 400000);
    REQUIRE(SYS(fallocate, fd, 0, -1, 10, 0) == -EINVAL && SYS(fallocate, fd, 0, 0, 0, 0) == -EINVAL);
    sys_close((int)fd);
    return NULL;
}

static unsigned char *map(long fd, int protection, int flags, size_t length)
{
    return (unsigned char *)syscall6(__NR_mmap, 0, (long)length, protection, flags, fd, 0);
}

static bool is_mapped(const unsigned char *address)
{
    return (unsigned long)address < -4095UL;
}

static const char *map_shared(void)
{
    long fd = create("f", O_RDWR);

    pattern(buffer, 64 * KIB, 0);
    REQUIRE(fd >= 0 && sys_write((int)fd, buffer, 64 * KIB) == 64 * KIB);
    unsigned char *mapped = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 64 * KIB);
    REQUIRE(is_mapped(mapped));
    REQUIRE(is_pattern(mapped, 64 * KIB, 0));
    mapped[5000] = 'M';
    REQUIRE(SYS(pread64, fd, buffer, 1, 5000, 0) == 1 && buffer[0] == 'M');
    REQUIRE(SYS(pwrite64, fd, "W", 1, 9000, 0) == 1 && mapped[9000] == 'W');
    /* What is written back goes to its place, also where the file is open for appending. */
    long appending = sys_open("f", O_WRONLY | O_APPEND);
    REQUIRE(appending >= 0 && sys_write((int)appending, "end", 3) == 3);
    sys_close((int)fd);
    mapped[20000] = 'N';
    REQUIRE(SYS(msync, mapped, 64 * KIB, MS_SYNC, 0, 0) == 0);
    REQUIRE(SYS(munmap, mapped, 64 * KIB, 0, 0, 0) == 0);
    sys_close((int)appending);
    REQUIRE(look("f").st_size == 64 * KIB + 3);
    fd = sys_open("f", O_RDONLY);
    REQUIRE(SYS(pread64, fd, buffer, 64 * KIB, 0, 0) == 64 * KIB);
    REQUIRE(buffer[5000] == 'M' && buffer[9000] == 'W' && buffer[20000] == 'N');
    sys_close((int)fd);
    return NULL;
}

static const char *map_private(void)
{
    REQUIRE(put("f", "original") == 0);
    long fd = sys_open("f", O_RDONLY);
    unsigned char *mapped = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, PAGE_BYTES);

    REQUIRE(is_mapped(mapped));
    REQUIRE(!is_mapped(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE_BYTES)));
    REQUIRE(mapped[0] == 'o' && mapped[8] == 0);
    mapped[0] = 'X';
    REQUIRE(has("f", "original"));
    REQUIRE(SYS(munmap, mapped, PAGE_BYTES, 0, 0, 0) == 0);
    sys_close((int)fd);
    return NULL;
}

static const char *copy_range(void)
{
    long from = create("from", O_RDWR), to = create("to", O_RDWR);
    long from_offset = 1000, to_offset = 50;
    size_t left = 200000;

    pattern(buffer, 300000, 0);
    REQUIRE(from >= 0 && to >= 0 && sys_write((int)from, buffer, 300000) == 300000);
    while (left > 0) {
        long copied = syscall6(__NR_copy_file_range, from, (long)&from_offset, to, (long)&to_offset, (long)left, 0);
        if (copied == -EOPNOTSUPP || copied == -EXDEV)
            return check_skipped;
        REQUIRE(copied > 0);
        left -= copied;
    }
    REQUIRE(look("to").st_size == 200050);
    REQUIRE(SYS(pread64, to, buffer, 200050, 0, 0) == 200050 && buffer[49] == 0 && is_pattern(buffer + 50, 200000, 1000));
    sys_close((int)from);
    sys_close((int)to);
    return NULL;
}

static int run_copy(void)
{
    static char *arguments[] = {"copy", "--answer", NULL};

    SYS(execve, "copy", arguments, arguments + 2, 0, 0);
    return 1;
}

static const char *run_program(void)
{
    long from = sys_open("/proc/self/exe", O_RDONLY);
    long to = SYS(open, "copy", O_WRONLY | O_CREAT, 0755, 0, 0);

    if (from == -ENOENT)
        return check_skipped;
    REQUIRE(from >= 0 && to >= 0);
    for (long length; (length = sys_read((int)from, buffer, sizeof buffer)) > 0;)
        REQUIRE(sys_write((int)to, buffer, length) == length);
    sys_close((int)from);
    sys_close((int)to);
    REQUIRE(join(start(run_copy)) == 42);
    REQUIRE(SYS(chmod, "copy", 0644, 0, 0, 0) == 0);
    REQUIRE(join(start(run_copy)) == 1);
    return NULL;
}

const struct check data_checks[] = {
    {"read_and_write", read_and_write},
    {"large_transfers", large_transfers},
    {"large_file", large_file},
    {"append", append},
    {"truncate_files", truncate_files},
    {"holes", holes},
    {"allocate", allocate},
    {"map_shared", map_shared},
    {"map_private", map_private},
    {"copy_range", copy_range},
    {"run_program", run_program},
    {NULL, NULL},
};

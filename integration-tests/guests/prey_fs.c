/* SPDX-License-Identifier: Apache-2.0 */
#include "prey.h"

#include "fuse.h"
#include "text.h"

#define ARGUMENTS_BYTES 96
#define NAME_BYTES_MAX 32
#define REQUEST_BYTES (sizeof(struct fuse_in_header) + ARGUMENTS_BYTES)
#define NODES 16
#define HANDLES 8
#define OFFSETS_BELOW 0x10000

static const char *const names[] = {"a", "b", "c", "d", "e/f", ".", "..", "../..", "", "/", "a/../../b", "proc"};

#define NAMES (sizeof names / sizeof names[0])

/* What a request has: so many bytes of arguments, then so many names. Those that are not here are of no arguments. */
static const struct {
    uint8_t arguments_bytes, names;
} forms[FUSE_OPCODES] = {
    [FUSE_LOOKUP] = {0, 1},      [FUSE_FORGET] = {8, 0},       [FUSE_GETATTR] = {16, 0},     [FUSE_SETATTR] = {88, 0},
    [FUSE_SYMLINK] = {0, 2},     [FUSE_MKNOD] = {16, 1},       [FUSE_MKDIR] = {8, 1},        [FUSE_UNLINK] = {0, 1},
    [FUSE_RMDIR] = {0, 1},       [FUSE_RENAME] = {8, 2},       [FUSE_LINK] = {8, 1},         [FUSE_OPEN] = {8, 0},
    [FUSE_READ] = {40, 0},       [FUSE_WRITE] = {40, 0},       [FUSE_RELEASE] = {24, 0},     [FUSE_FSYNC] = {16, 0},
    [FUSE_SETXATTR] = {8, 2},    [FUSE_GETXATTR] = {8, 1},     [FUSE_LISTXATTR] = {8, 0},    [FUSE_REMOVEXATTR] = {0, 1},
    [FUSE_FLUSH] = {24, 0},      [FUSE_INIT] = {64, 0},        [FUSE_OPENDIR] = {8, 0},      [FUSE_READDIR] = {40, 0},
    [FUSE_RELEASEDIR] = {24, 0}, [FUSE_FSYNCDIR] = {16, 0},    [FUSE_GETLK] = {48, 0},       [FUSE_SETLK] = {48, 0},
    [FUSE_SETLKW] = {48, 0},     [FUSE_ACCESS] = {8, 0},       [FUSE_CREATE] = {16, 1},      [FUSE_INTERRUPT] = {8, 0},
    [FUSE_BMAP] = {16, 0},       [FUSE_IOCTL] = {32, 0},       [FUSE_POLL] = {24, 0},        [FUSE_BATCH_FORGET] = {8, 0},
    [FUSE_READDIRPLUS] = {40, 0}, [FUSE_RENAME2] = {16, 2},    [FUSE_LSEEK] = {24, 0},       [FUSE_SETUPMAPPING] = {40, 0},
    [FUSE_REMOVEMAPPING] = {4, 0}, [FUSE_SYNCFS] = {8, 0},     [FUSE_TMPFILE] = {16, 1},
};

/* Not those that fill the host's disk without a byte of data, nor what tells of all of it. */
static uint32_t choose_opcode(struct hostile *hostile)
{
    uint32_t opcode = hostile_below(hostile, FUSE_OPCODES);
    if (opcode == FUSE_FALLOCATE || opcode == FUSE_COPY_FILE_RANGE || opcode == FUSE_STATFS)
        opcode = FUSE_LOOKUP;
    return hostile_below(hostile, 64) == 0 ? UINT32_MAX - opcode : opcode;
}

static uint64_t or_else(struct hostile *hostile, uint64_t otherwise)
{
    return hostile_below(hostile, 16) == 0 ? hostile_bits(hostile) | 1ull << 40 : otherwise;
}

/* Appends a name, with its end more often than not; returns how many bytes. */
static uint32_t put_name(struct hostile *hostile, uint8_t *at)
{
    const char *name = names[hostile_below(hostile, NAMES)];
    uint32_t length = 0;
    for (; name[length] != '\0'; length++)
        at[length] = (uint8_t)name[length];
    at[length++] = '\0';
    if (hostile_below(hostile, 32) == 0)
        return hostile_below(hostile, NAME_BYTES_MAX);
    return length;
}

/* Handle, offset, size: what most arguments begin with. */
static void put_arguments(struct hostile *hostile, uint64_t *words, uint32_t opcode)
{
    words[0] = or_else(hostile, hostile_below(hostile, HANDLES));
    words[1] = or_else(hostile, 16 * hostile_below(hostile, OFFSETS_BELOW / 16));
    words[2] = hostile_below(hostile, 4096) | 1ull << 32;
    words[3] = or_else(hostile, 0);
    words[4] = hostile_below(hostile, 4) | 1ull << 32;
    words[5] = hostile_value(hostile) | 1ull << 32;
    if (opcode == FUSE_INIT) {
        words[0] = FUSE_KERNEL_VERSION | (uint64_t)FUSE_KERNEL_MINOR_VERSION << 32;
        words[1] = hostile_bits(hostile);
    }
    if (opcode == FUSE_CREATE || opcode == FUSE_MKNOD) {
        /* O_RDWR | O_CREAT, and a mode: a regular file, or now and then anything. */
        uint64_t mode = hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : 0100644;
        words[0] = opcode == FUSE_CREATE ? 0102 | mode << 32 : mode | (uint64_t)hostile_below(hostile, 4) << 32;
        words[1] = 022;
    }
    if (opcode == FUSE_RENAME || opcode == FUSE_RENAME2 || opcode == FUSE_LINK)
        words[0] = 1 + hostile_below(hostile, NODES);
    if (opcode == FUSE_MKDIR)
        words[0] = 040755 | (uint64_t)022 << 32;
    if (opcode == FUSE_OPEN || opcode == FUSE_OPENDIR)
        words[0] = hostile_below(hostile, 4);
}

/* A request: header, arguments, names. */
static uint32_t put_request(struct hostile *hostile, uint8_t *at, uint32_t opcode)
{
    struct fuse_in_header header = {
        .opcode = opcode,
        .unique = hostile_bits(hostile) | 1ull << 48,
        .nodeid = or_else(hostile, hostile_below(hostile, 2) == 0 ? FUSE_ROOT_ID : hostile_below(hostile, NODES)),
    };
    uint64_t words[ARGUMENTS_BYTES / 8] = {0};
    uint8_t *arguments = (uint8_t *)words;
    uint32_t bytes = 0;
    put_arguments(hostile, words, opcode);
    if (opcode < FUSE_OPCODES) {
        bytes = forms[opcode].arguments_bytes;
        for (unsigned i = 0; i < forms[opcode].names; i++)
            bytes += put_name(hostile, arguments + bytes);
    }
    if (hostile_below(hostile, 16) == 0)
        bytes = hostile_below(hostile, ARGUMENTS_BYTES);
    header.len = (uint32_t)sizeof header + bytes;
    memcpy(at, &header, sizeof header);
    memcpy(at + sizeof header, words, sizeof words);
    return header.len;
}

void prey_make_fs(struct pieces *pieces, struct hostile *hostile, unsigned queue)
{
    uint8_t *request = prey_place(hostile, REQUEST_BYTES);
    uint32_t opcode = choose_opcode(hostile);
    if (queue == 0 && hostile_below(hostile, 2) == 0)
        opcode = FUSE_FORGET;
    else if (pieces->first && hostile_below(hostile, 8) != 0)
        opcode = FUSE_INIT;
    uint32_t bytes = put_request(hostile, request, opcode);
    struct fuse_in_header *header = (struct fuse_in_header *)request;
    if (opcode == FUSE_WRITE) {
        prey_add_readable(pieces, request, bytes);
        uint32_t data_bytes = 16 * hostile_below(hostile, 256);
        header->len += data_bytes;
        ((struct fuse_write_in *)(request + sizeof *header))->size = data_bytes;
        prey_add_readable(pieces, prey_place(hostile, 4096), data_bytes);
    } else {
        prey_add_readable(pieces, request, bytes);
    }
    if (hostile_below(hostile, 16) == 0)
        header->len = hostile_value(hostile);
    if (opcode == FUSE_FORGET)
        return;
    /* The numbers of inodes that answers have may be any. */
    prey_add_writable(pieces, (void *)hostile->spill, sizeof(struct fuse_out_header));
    for (unsigned i = hostile_below(hostile, 16) == 0 ? 0 : 1 + hostile_below(hostile, 2); i > 0; i--)
        prey_add_writable(pieces, (void *)(hostile->spill + 4096 * hostile_below(hostile, 8)),
                          16 * (1 + hostile_below(hostile, 512)));
}

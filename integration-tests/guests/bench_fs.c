/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_fs.h"

#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "fs.h"
#include "memory.h"
#include "options.h"
#include "pattern.h"
#include "text.h"

#define DEPTH_MAX 64
#define PAGE_BYTES 4096

/* As DriverGuest.assertWritten() and pattern.h have it: a block of a disk is known by its first sector. */
#define PATTERN_UNIT_BYTES 512
#define PATTERN_VERSION 1

static struct {
    struct fs fs;
    const char *file;
    uint32_t block_bytes;
    unsigned depth;
    bool verify;
    uint64_t seed;

    /* The file that is read or written. */
    uint64_t node, handle, blocks, next_block;
    struct fs_request *slots;
    uint64_t *slot_blocks;
    unsigned idle[DEPTH_MAX], idle_count;

    uint64_t ops, errors, mismatches, ticks;
} bench;

static void alloc_slots(void)
{
    bench.slots = memory_allocate(sizeof *bench.slots * bench.depth, 64);
    bench.slot_blocks = memory_allocate(sizeof *bench.slot_blocks * bench.depth, 64);
    for (unsigned i = 0; i < bench.depth; i++) {
        bench.slots[i].data = memory_allocate(bench.block_bytes, PAGE_BYTES);
        bench.idle[bench.idle_count++] = i;
    }
}

static void begin(unsigned slot, bool write)
{
    struct fs_request *request = &bench.slots[slot];
    uint64_t block = bench.next_block++;
    uint64_t offset = block * bench.block_bytes;
    if (bench.next_block == bench.blocks)
        bench.next_block = 0;
    bench.slot_blocks[slot] = block;
    if (write) {
        pattern_fill(request->data, bench.block_bytes, bench.seed, offset / PATTERN_UNIT_BYTES, PATTERN_VERSION);
        fs_prepare_write(&bench.fs, request, bench.node, bench.handle, offset, bench.block_bytes);
    } else {
        fs_prepare_read(&bench.fs, request, bench.node, bench.handle, offset, bench.block_bytes);
    }
    if (!fs_add(&bench.fs, request, slot))
        fail("depth: more than the queue has room for");
}

static void end(unsigned slot, bool write)
{
    const struct fs_request *request = &bench.slots[slot];
    bench.ops++;
    if (!fs_succeeded(request))
        bench.errors++;
    else if (!write && bench.verify
             && !pattern_matches(request->data, bench.block_bytes, bench.seed,
                                 bench.slot_blocks[slot] * bench.block_bytes / PATTERN_UNIT_BYTES, PATTERN_VERSION))
        bench.mismatches++;
    bench.idle[bench.idle_count++] = slot;
}

/* Reads or writes the file in sequence at the depth, until so many requests or ticks are over. */
static void transfer(bool write, uint64_t ops, uint64_t ticks)
{
    struct virtq *queue = &bench.fs.requests;
    uint64_t start = read_tsc(), now = start;
    while (ops > 0 || bench.idle_count < bench.depth) {
        uint32_t slot, written_bytes;
        for (; ops > 0 && bench.idle_count > 0; ops--)
            begin(bench.idle[--bench.idle_count], write);
        virtq_publish(queue);
        while (virtq_take(queue, &slot, &written_bytes)) {
            bench.slots[slot].written_bytes = written_bytes;
            end(slot, write);
        }
        cpu_relax();
        now = read_tsc();
        if (now - start >= ticks)
            ops = 0;
    }
    bench.ticks += now - start;
}

static void open_file(void)
{
    struct fuse_entry_out entry;
    fs_lookup(&bench.fs, FUSE_ROOT_ID, bench.file, &entry);
    bench.node = entry.nodeid;
    bench.blocks = entry.attr.size / bench.block_bytes;
    bench.handle = fs_open_file(&bench.fs, bench.node);
    if (bench.blocks == 0)
        fail("file: it has less than a block");
}

static void read_file(uint64_t ops, uint64_t ticks)
{
    transfer(false, ops, ticks);
}

/* Two requests: a name, then its attributes. */
static void look_up(uint64_t ops, uint64_t ticks)
{
    uint64_t start = read_tsc(), now = start;
    for (; ops > 0 && now - start < ticks; ops -= ops > 1 ? 2 : 1) {
        struct fuse_entry_out entry;
        struct fuse_attr attr;
        fs_lookup(&bench.fs, FUSE_ROOT_ID, bench.file, &entry);
        fs_getattr(&bench.fs, entry.nodeid, &attr);
        fs_forget(&bench.fs, entry.nodeid, 1);
        if (attr.ino != entry.attr.ino || attr.size != entry.attr.size)
            bench.mismatches++;
        bench.ops += 2;
        now = read_tsc();
    }
    bench.ticks += now - start;
}

/* Three requests: a file is made, closed and removed. */
static void create_and_unlink(uint64_t ops, uint64_t ticks)
{
    uint64_t start = read_tsc(), now = start;
    for (; ops > 0 && now - start < ticks; ops -= ops > 2 ? 3 : ops) {
        struct fuse_create_out created;
        fs_create(&bench.fs, FUSE_ROOT_ID, "created", &created);
        fs_release(&bench.fs, created.entry.nodeid, created.open.fh);
        fs_unlink(&bench.fs, FUSE_ROOT_ID, "created");
        fs_forget(&bench.fs, created.entry.nodeid, 1);
        bench.ops += 3;
        now = read_tsc();
    }
    bench.ticks += now - start;
}

/* A new file of so many blocks; ticks are of no account. */
static void write_file(uint64_t ops, uint64_t ticks)
{
    struct fuse_create_out created;
    (void)ticks;
    fs_create(&bench.fs, FUSE_ROOT_ID, bench.file, &created);
    bench.node = created.entry.nodeid;
    bench.handle = created.open.fh;
    bench.blocks = ops;
    transfer(true, ops, UINT64_MAX);
}

static void print_result(const char *operation, uint64_t kicks)
{
    print_text("result");
    print_text_field("op", operation);
    print_text_field("transport", bench.fs.device.transport->name);
    print_field("bs", bench.block_bytes);
    print_field("depth", bench.depth);
    print_field("event_idx", (bench.fs.features & VIRTIO_F_EVENT_IDX) != 0);
    print_field("packed", (bench.fs.features & VIRTIO_F_RING_PACKED) != 0);
    print_field("indirect", (bench.fs.features & VIRTIO_F_INDIRECT_DESC) != 0);
    print_field("ops", bench.ops);
    print_field("ticks", bench.ticks);
    print_field("ops_per_s", clock_per_second(bench.ops, bench.ticks));
    print_field("kicks", kicks);
    print_field("errors", bench.errors);
    print_field("mismatches", bench.mismatches);
    print_text("\n");
}

static void read_options(void)
{
    uint64_t block_bytes = option_number("bs", 128 << 10);
    uint64_t depth = option_number("depth", 1);
    if (block_bytes == 0 || block_bytes % PATTERN_UNIT_BYTES != 0 || block_bytes > FS_DATA_MAX)
        fail("bs: no multiple of 512 up to 1M");
    if (depth < 1 || depth > DEPTH_MAX)
        fail("depth: from 1 to 64");
    bench.file = option_text("file", "file");
    bench.block_bytes = (uint32_t)block_bytes;
    bench.depth = (unsigned)depth;
    bench.verify = option_number("verify", 0) != 0;
    bench.seed = option_number("seed", 1);
}

void bench_fs(void)
{
    void (*run)(uint64_t ops, uint64_t ticks);
    clock_init();
    const char *operation = option_text("op", "read");
    uint64_t ops = option_number("ops", 0);
    uint64_t run_ticks = ops > 0 ? UINT64_MAX : clock_ticks(option_number("seconds", 1) * 1000);
    uint64_t warmup_ticks = clock_ticks(option_number("warmup_ms", 0));
    read_options();
    fs_open(&bench.fs, option_text("transport", "pci"), (unsigned)option_number("device", 0));
    options_check_all_used();
    if (bench.block_bytes > bench.fs.max_bytes)
        fail("bs: more than the device takes in a request");
    alloc_slots();
    if (text_equals(operation, "read")) {
        run = read_file;
        open_file();
    } else if (text_equals(operation, "write")) {
        run = write_file;
        if (ops == 0 || warmup_ticks > 0)
            fail("op: to write takes ops, and no warmup_ms");
    } else if (text_equals(operation, "lookup")) {
        run = look_up;
    } else if (text_equals(operation, "create")) {
        run = create_and_unlink;
    } else {
        fail("op: none of read, write, lookup, create");
    }
    if (warmup_ticks > 0)
        run(UINT64_MAX, warmup_ticks);
    bench.ops = 0;
    bench.ticks = 0;
    uint64_t kicks = bench.fs.requests.kicks + bench.fs.hiprio.kicks;
    print_text("begin\n");
    run(ops > 0 ? ops : UINT64_MAX, run_ticks);
    print_text("end\n");
    print_result(operation, bench.fs.requests.kicks + bench.fs.hiprio.kicks - kicks);
    if (bench.node != 0)
        fs_release(&bench.fs, bench.node, bench.handle);
    if (bench.errors + bench.mismatches > 0)
        fail("errors or mismatches");
}

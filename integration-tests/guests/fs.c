/* SPDX-License-Identifier: Apache-2.0 */
#include "fs.h"

#include "console.h"
#include "cpu.h"
#include "options.h"
#include "text.h"

/* 5.11.2 Virtqueues, without VIRTIO_FS_F_NOTIFICATION */
#define HIPRIO_QUEUE 0
#define REQUEST_QUEUE 1

#define PAGE_BYTES 4096
#define FORGETS_MAX 16

/* open(2) */
#define O_RDONLY 0
#define O_RDWR 2
#define O_CREAT 0100
#define O_EXCL 0200
#define FILE_MODE 0100644

static const uint32_t unanswered = UINT32_MAX;

static void begin_session(struct fs *fs)
{
    static struct fs_request request;
    struct fuse_init_in init = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = FS_DATA_MAX,
        .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_INIT_EXT,
    };
    fs_prepare(fs, &request, FUSE_INIT, 0);
    fs_argument(&request, &init, sizeof init);
    request.results_bytes = sizeof(struct fuse_init_out);
    if (!fs_call(fs, &request))
        fail("the device refuses the session");
    struct fuse_init_out out;
    memcpy(&out, request.results, sizeof out);
    if (out.major != FUSE_KERNEL_VERSION)
        fail("the device speaks another FUSE");
    fs->max_bytes = (out.flags & FUSE_MAX_PAGES) != 0 ? out.max_pages * (uint32_t)PAGE_BYTES : 32 * PAGE_BYTES;
}

void fs_open(struct fs *fs, const char *transport, unsigned number)
{
    if (!virtio_find(&fs->device, VIRTIO_ID_FS, transport, number))
        fail("there is no such file system device");
    fs->features = virtio_begin(&fs->device, virtio_queue_features());
    uint16_t size = virtio_queue_size(fs->features);
    virtq_open(&fs->hiprio, &fs->device, HIPRIO_QUEUE, size, fs->features);
    virtq_open(&fs->requests, &fs->device, REQUEST_QUEUE, size, fs->features);
    virtio_ready(&fs->device);
    begin_session(fs);
}

void fs_prepare(struct fs *fs, struct fs_request *request, enum fuse_opcode opcode, uint64_t node)
{
    /* uid, gid and pid 0. */
    request->in = (struct fuse_in_header){
        .len = sizeof request->in,
        .opcode = opcode,
        .unique = fs->next_unique += 2, /* as Linux has it; odd ones are for interrupts */
        .nodeid = node,
    };
    request->arguments_bytes = 0;
    request->results_bytes = 0;
    request->data_bytes = 0;
    request->written_bytes = unanswered;
}

void fs_argument(struct fs_request *request, const void *bytes, uint32_t length_bytes)
{
    if (length_bytes > FS_ARGUMENTS_BYTES - request->arguments_bytes)
        fail("a request's arguments are too long");
    memcpy(request->arguments + request->arguments_bytes, bytes, length_bytes);
    request->arguments_bytes += length_bytes;
    request->in.len += length_bytes;
}

void fs_name(struct fs_request *request, const char *name)
{
    uint32_t length_bytes = 0;
    while (name[length_bytes++] != '\0')
        ;
    fs_argument(request, name, length_bytes);
}

/* In the pieces in which Linux has it. */
bool fs_add(struct fs *fs, struct fs_request *request, uint32_t token)
{
    struct buffer buffers[6];
    struct buffer data = {request->data, request->data_bytes};
    unsigned readable = 0, writable = 0;
    buffers[readable++] = (struct buffer){&request->in, sizeof request->in};
    if (request->arguments_bytes > 0)
        buffers[readable++] = (struct buffer){request->arguments, request->arguments_bytes};
    if (request->data_bytes > 0 && !request->data_written_by_device)
        buffers[readable++] = data;
    buffers[readable + writable++] = (struct buffer){&request->out, sizeof request->out};
    if (request->results_bytes > 0)
        buffers[readable + writable++] = (struct buffer){request->results, request->results_bytes};
    if (request->data_bytes > 0 && request->data_written_by_device)
        buffers[readable + writable++] = data;
    return virtq_add(&fs->requests, buffers, readable, writable, token);
}

bool fs_succeeded(const struct fs_request *request)
{
    uint32_t expected_bytes =
        sizeof request->out + request->results_bytes + (request->data_written_by_device ? request->data_bytes : 0);
    return request->written_bytes == expected_bytes && request->out.len == expected_bytes && request->out.error == 0
           && request->out.unique == request->in.unique;
}

bool fs_call(struct fs *fs, struct fs_request *request)
{
    uint32_t token;
    if (!fs_add(fs, request, 0))
        fail("no room for a request");
    virtq_publish(&fs->requests);
    while (!virtq_take(&fs->requests, &token, &request->written_bytes))
        cpu_relax();
    return fs_succeeded(request);
}

void fs_lookup(struct fs *fs, uint64_t parent, const char *name, struct fuse_entry_out *entry)
{
    static struct fs_request request;
    fs_prepare(fs, &request, FUSE_LOOKUP, parent);
    fs_name(&request, name);
    request.results_bytes = sizeof *entry;
    if (!fs_call(fs, &request))
        fail("LOOKUP was refused");
    memcpy(entry, request.results, sizeof *entry);
}

void fs_getattr(struct fs *fs, uint64_t node, struct fuse_attr *attr)
{
    static struct fs_request request;
    struct fuse_getattr_in in = {0};
    struct fuse_attr_out out;
    fs_prepare(fs, &request, FUSE_GETATTR, node);
    fs_argument(&request, &in, sizeof in);
    request.results_bytes = sizeof out;
    if (!fs_call(fs, &request))
        fail("GETATTR was refused");
    memcpy(&out, request.results, sizeof out);
    *attr = out.attr;
}

uint64_t fs_open_file(struct fs *fs, uint64_t node)
{
    static struct fs_request request;
    struct fuse_open_in in = {.flags = O_RDONLY};
    struct fuse_open_out out;
    fs_prepare(fs, &request, FUSE_OPEN, node);
    fs_argument(&request, &in, sizeof in);
    request.results_bytes = sizeof out;
    if (!fs_call(fs, &request))
        fail("OPEN was refused");
    memcpy(&out, request.results, sizeof out);
    return out.fh;
}

void fs_create(struct fs *fs, uint64_t parent, const char *name, struct fuse_create_out *created)
{
    static struct fs_request request;
    struct fuse_create_in in = {.flags = O_RDWR | O_CREAT | O_EXCL, .mode = FILE_MODE};
    fs_prepare(fs, &request, FUSE_CREATE, parent);
    fs_argument(&request, &in, sizeof in);
    fs_name(&request, name);
    request.results_bytes = sizeof *created;
    if (!fs_call(fs, &request))
        fail("CREATE was refused");
    memcpy(created, request.results, sizeof *created);
}

void fs_release(struct fs *fs, uint64_t node, uint64_t handle)
{
    static struct fs_request request;
    struct fuse_release_in in = {.fh = handle};
    fs_prepare(fs, &request, FUSE_RELEASE, node);
    fs_argument(&request, &in, sizeof in);
    if (!fs_call(fs, &request))
        fail("RELEASE was refused");
}

void fs_unlink(struct fs *fs, uint64_t parent, const char *name)
{
    static struct fs_request request;
    fs_prepare(fs, &request, FUSE_UNLINK, parent);
    fs_name(&request, name);
    if (!fs_call(fs, &request))
        fail("UNLINK was refused");
}

void fs_forget(struct fs *fs, uint64_t node, uint64_t lookups)
{
    static struct fs_request forgets[FORGETS_MAX];
    static uint32_t next;
    uint32_t token, written_bytes;
    struct fuse_forget_in in = {.nlookup = lookups};
    /* So that a request is not written over that the device may still read. */
    while (fs->hiprio.size - fs->hiprio.free_count >= FORGETS_MAX - 1)
        if (!virtq_take(&fs->hiprio, &token, &written_bytes))
            cpu_relax();
    struct fs_request *request = &forgets[next++ % FORGETS_MAX];
    fs_prepare(fs, request, FUSE_FORGET, node);
    fs_argument(request, &in, sizeof in);
    struct buffer buffers[] = {{&request->in, sizeof request->in + sizeof in}};
    _Static_assert(offsetof(struct fs_request, arguments) == sizeof request->in, "one behind the other");
    if (!virtq_add(&fs->hiprio, buffers, 1, 0, 0))
        fail("no room for FORGET");
    virtq_publish(&fs->hiprio);
}

void fs_prepare_read(struct fs *fs, struct fs_request *request, uint64_t node, uint64_t handle, uint64_t offset,
                     uint32_t bytes)
{
    struct fuse_read_in in = {.fh = handle, .offset = offset, .size = bytes};
    fs_prepare(fs, request, FUSE_READ, node);
    fs_argument(request, &in, sizeof in);
    request->data_bytes = bytes;
    request->data_written_by_device = true;
}

void fs_prepare_write(struct fs *fs, struct fs_request *request, uint64_t node, uint64_t handle, uint64_t offset,
                      uint32_t bytes)
{
    struct fuse_write_in in = {.fh = handle, .offset = offset, .size = bytes};
    fs_prepare(fs, request, FUSE_WRITE, node);
    fs_argument(request, &in, sizeof in);
    request->in.len += bytes;
    request->data_bytes = bytes;
    request->data_written_by_device = false;
    request->results_bytes = sizeof(struct fuse_write_out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of virtio file system devices (5.11) with one request queue, and a client of the FUSE session within. */
#ifndef FS_H
#define FS_H

#include <stdbool.h>
#include <stdint.h>

#include "fuse.h"
#include "virtio.h"
#include "virtq.h"

/* What a request's arguments and results take at most, data apart. */
#define FS_ARGUMENTS_BYTES 128
#define FS_RESULTS_BYTES 160

/* Of data, in one request. */
#define FS_DATA_MAX (1u << 20)

/* A request, the device's until it has been taken back. */
struct fs_request {
    struct fuse_in_header in;
    uint8_t arguments[FS_ARGUMENTS_BYTES];
    struct fuse_out_header out;
    uint8_t results[FS_RESULTS_BYTES];
    uint32_t arguments_bytes, results_bytes;
    /* Of a read or a write: in one piece, or in none. */
    void *data;
    uint32_t data_bytes;
    bool data_written_by_device;
    /* No device writes so much: the request has not been answered. */
    uint32_t written_bytes;
};

struct fs {
    struct virtio_device device;
    uint64_t features;
    struct virtq hiprio, requests;
    uint64_t next_unique;
    /* Of INIT: what a request may read or write. */
    uint32_t max_bytes;
};

/* Opens a device as the options queue_size, packed, event_idx, indirect say, and begins a session; fails where it can't. */
void fs_open(struct fs *fs, const char *transport, unsigned number);

/* Makes a request without arguments, results and data, for which there is then room. */
void fs_prepare(struct fs *fs, struct fs_request *request, enum fuse_opcode opcode, uint64_t node);

/* Appends arguments. */
void fs_argument(struct fs_request *request, const void *bytes, uint32_t length_bytes);
void fs_name(struct fs_request *request, const char *name);

/* Adds a request, for the next virtq_publish() of the queue of requests; tells whether there was room. */
bool fs_add(struct fs *fs, struct fs_request *request, uint32_t token);

/* Tells whether a request was answered, without an error, by all of its results; and by so much data if it reads some. */
bool fs_succeeded(const struct fs_request *request);

/* Sends a request and awaits its answer, while there is no other; tells whether it succeeded. */
bool fs_call(struct fs *fs, struct fs_request *request);

/* Requests made of these; each fails the guest where the device refuses. */
void fs_lookup(struct fs *fs, uint64_t parent, const char *name, struct fuse_entry_out *entry);
void fs_getattr(struct fs *fs, uint64_t node, struct fuse_attr *attr);
uint64_t fs_open_file(struct fs *fs, uint64_t node);
void fs_create(struct fs *fs, uint64_t parent, const char *name, struct fuse_create_out *created);
void fs_release(struct fs *fs, uint64_t node, uint64_t handle);
void fs_unlink(struct fs *fs, uint64_t parent, const char *name);

/* FORGET, which has no answer. */
void fs_forget(struct fs *fs, uint64_t node, uint64_t lookups);

/* READ and WRITE of a piece of a file, to be added. */
void fs_prepare_read(struct fs *fs, struct fs_request *request, uint64_t node, uint64_t handle, uint64_t offset,
                     uint32_t bytes);
void fs_prepare_write(struct fs *fs, struct fs_request *request, uint64_t node, uint64_t handle, uint64_t offset,
                      uint32_t bytes);

#endif

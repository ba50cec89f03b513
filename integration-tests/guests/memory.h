/* SPDX-License-Identifier: Apache-2.0 */
/* The RAM behind the image, up to the end of the region that it is in: given away from both ends, never taken back. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* hvm_start_info, version 1 (Xen, public/arch-x86/hvm/start_info.h). */
struct hvm_start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
    uint32_t memmap_entries, reserved;
};

struct hvm_memmap_table_entry {
    uint64_t addr, size;
    uint32_t type, reserved;
};

#define XEN_HVM_START_MAGIC_VALUE 0x336ec578
#define XEN_HVM_MEMMAP_TYPE_RAM 1

/* Fails where there is no memory map. */
void memory_init(const struct hvm_start_info *info);

/* Memory of its own, zeroed, at a multiple of a power of 2; fails where there is no more. */
void *memory_allocate(size_t bytes, size_t alignment);

/* The same from the end of RAM down, in whole pages: what runs beyond the first of these runs out of RAM. */
void *memory_take_end(size_t bytes);

/* Where RAM ends. */
uint64_t memory_end(void);

#endif

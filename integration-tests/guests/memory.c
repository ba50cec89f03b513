/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include "console.h"
#include "text.h"

#define PAGE_BYTES 4096ul

extern uint8_t _end[];

static uintptr_t heap_start, heap_end, ram_end;

void memory_init(const struct hvm_start_info *info)
{
    if (info->magic != XEN_HVM_START_MAGIC_VALUE || info->version < 1)
        fail("not started by PVH, or without a memory map");
    const struct hvm_memmap_table_entry *map = (const struct hvm_memmap_table_entry *)info->memmap_paddr;
    uintptr_t image_end = (uintptr_t)_end;
    for (uint32_t i = 0; i < info->memmap_entries; i++) {
        uint64_t end = map[i].addr + map[i].size;
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM && map[i].addr < image_end && end >= image_end) {
            heap_start = image_end;
            heap_end = end & -PAGE_BYTES;
            ram_end = heap_end;
            return;
        }
    }
    fail("the memory map has no RAM for the image");
}

void *memory_allocate(size_t bytes, size_t alignment)
{
    uintptr_t start = (heap_start + alignment - 1) & -alignment;
    if (start < heap_start || start > heap_end || bytes > heap_end - start)
        fail("out of memory: give the VM more");
    heap_start = start + bytes;
    /* RAM starts out zeroed, and nothing is allocated twice. */
    return (void *)start;
}

void *memory_take_end(size_t bytes)
{
    bytes = (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
    if (bytes > heap_end - heap_start)
        fail("out of memory: give the VM more");
    heap_end -= bytes;
    return (void *)heap_end;
}

uint64_t memory_end(void)
{
    return ram_end;
}

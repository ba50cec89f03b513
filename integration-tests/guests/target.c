/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "blk.h"
#include "console.h"
#include "mmio.h"
#include "virtio_mmio.h"
#include "virtio_pci.h"

#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_TABLE_BAR_MASK 7u
#define MSIX_TABLE_SIZE_MASK 0x7ff
#define MSIX_ENTRY_BYTES 16

/* How often the status of a device is read that may have stopped answering. */
#define PATIENCE 100

#define REQUESTS_MAX 8
#define CHAIN_MAX 6

/* The sandbox: buffers anywhere, among them rings, headers and the byte for all statuses, which are so overwritten, too. */
#define BUFFER_BYTES 4096
#define BUFFERS 100
#define AVAIL_OFFSET 0x1000
#define USED_OFFSET 0x2000
#define HEADERS_OFFSET 0x3000
#define HEADERS 256
#define STATUS_OFFSET 0x70000

static void add_window(struct target *target, uintptr_t address, uint32_t bytes)
{
    if (address == 0 || bytes == 0)
        return;
    if (target->window_count == WINDOWS_MAX)
        fail("a device has too many registers");
    target->windows[target->window_count++] = (struct window){address, bytes};
}

static void add_msix_table(struct target *target, pci_function_t function)
{
    unsigned at = pci_find_capability(function, PCI_CAP_ID_MSIX, 0);
    if (at == 0)
        return;
    uint32_t table = pci_read(function, at + MSIX_TABLE, 4);
    uint32_t entries = (pci_read(function, at + MSIX_CONTROL, 2) & MSIX_TABLE_SIZE_MASK) + 1;
    add_window(target, pci_bar_address(function, table & MSIX_TABLE_BAR_MASK) + (table & ~MSIX_TABLE_BAR_MASK),
               entries * MSIX_ENTRY_BYTES);
}

static void open_pci(struct target *target, pci_function_t function)
{
    for (uint8_t type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_DEVICE_CFG; type++) {
        uint32_t bytes = 0;
        uintptr_t address = virtio_pci_structure(function, type, &bytes);
        add_window(target, address, bytes);
    }
    add_msix_table(target, function);
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        add_window(target, pci_bar_address(function, bar), (uint32_t)pci_bar_bytes(function, bar));
    pci_save(function, &target->setup);
}

void target_open(struct target *target, const struct virtio_device *device)
{
    *target = (struct target){.device = *device, .on_pci = device->notify != 0};
    if (target->on_pci)
        open_pci(target, device->function);
    else
        add_window(target, device->registers, VIRTIO_MMIO_STRIDE);
}

void target_restore(struct target *target)
{
    if (target->on_pci)
        pci_restore(target->device.function, &target->setup);
}

/* Empty rings, as the device finds them where it is told the truth. */
static void init_rings(struct virtq *queue, struct hostile *hostile)
{
    *queue = (struct virtq){
        .size = TARGET_QUEUE_SIZE,
        .desc = (void *)hostile->sandbox,
        .avail = (void *)(hostile->sandbox + AVAIL_OFFSET),
        .used = (void *)(hostile->sandbox + USED_OFFSET),
    };
    queue->avail->flags = 0;
    queue->avail->idx = 0;
    queue->used->idx = 0;
    for (unsigned i = 0; i < TARGET_QUEUE_SIZE; i++)
        queue->avail->ring[i] = (uint16_t)(1 + i % (TARGET_QUEUE_SIZE - 1));
}

void target_start(struct target *target, struct hostile *hostile)
{
    const struct virtio_device *device = &target->device;
    const struct virtio_transport *transport = device->transport;
    struct virtq *queue = &target->queue;

    if (queue->used != NULL)
        target->used += queue->used->idx;
    target_restore(target);
    transport->set_status(device, 0);
    for (unsigned i = 0; i < PATIENCE && transport->status(device) != 0; i++)
        ;
    transport->set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    uint64_t features = transport->features(device);
    if (hostile_below(hostile, 4) == 0)
        features &= random_next(&hostile->random) | VIRTIO_F_VERSION_1;
    if (hostile_below(hostile, 16) == 0)
        features = random_next(&hostile->random);
    transport->set_features(device, features);
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
    transport->set_status(device, status);
    init_rings(queue, hostile);
    struct virtq told = *queue;
    if (hostile_below(hostile, 8) == 0)
        told.size = (uint16_t)hostile_value(hostile);
    if (hostile_below(hostile, 16) == 0)
        told.desc = (void *)hostile_address(hostile);
    if (hostile_below(hostile, 16) == 0)
        told.avail = (void *)hostile_address(hostile);
    if (hostile_below(hostile, 16) == 0)
        told.used = (void *)hostile_address(hostile);
    transport->queue_size_max(device, 0);
    transport->enable_queue(device, &told);
    transport->set_status(device, status | VIRTIO_CONFIG_S_DRIVER_OK);
    /* Not where a confused device says. */
    queue->notify = target->on_pci ? device->notify : told.notify;
    queue->notify_width_bytes = told.notify_width_bytes;
}

/* Fills a header in, at a place of the sandbox that is returned. */
static volatile struct blk_header *header(struct hostile *hostile)
{
    uintptr_t at = hostile->sandbox + HEADERS_OFFSET + hostile_below(hostile, HEADERS) * sizeof(struct blk_header);
    volatile struct blk_header *fields = (volatile struct blk_header *)at;
    fields->type = hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : hostile_below(hostile, 9);
    /* Not 0, as hostile.h has it; and where it is taken for the flags of a descriptor, not WRITE. */
    fields->reserved = 1;
    fields->sector = hostile_below(hostile, 8) == 0 ? hostile_address(hostile) : hostile_below(hostile, 1024);
    return fields;
}

/* Replaces a field. */
static void damage(struct hostile *hostile, volatile struct virtq_desc *desc)
{
    switch (hostile_below(hostile, 4)) {
    case 0:
        desc->addr = hostile_address(hostile);
        break;
    case 1:
        desc->len = hostile_value(hostile);
        break;
    case 2:
        desc->flags = (uint16_t)hostile_below(hostile, 8);
        break;
    default:
        desc->next = (uint16_t)(1 + hostile_below(hostile, UINT16_MAX));
    }
}

/* A request as it should be, header, data and status, but for damage here and there; returns its head. */
static uint16_t chain(struct virtq *queue, struct hostile *hostile)
{
    unsigned pieces = hostile_below(hostile, CHAIN_MAX - 2);
    uint16_t head = (uint16_t)(1 + hostile_below(hostile, TARGET_QUEUE_SIZE - CHAIN_MAX));
    volatile struct blk_header *fields = header(hostile);
    uint16_t data_flags = fields->type == VIRTIO_BLK_T_OUT ? VIRTQ_DESC_F_NEXT : VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE;
    volatile struct virtq_desc *desc = &queue->desc[head];
    for (unsigned i = 0; i <= pieces; i++) {
        desc[i].addr = i == 0 ? (uintptr_t)fields : hostile->sandbox + hostile_below(hostile, BUFFERS) * BUFFER_BYTES;
        desc[i].len = i == 0 ? sizeof *fields : SECTOR_BYTES * (1 + hostile_below(hostile, BUFFER_BYTES / SECTOR_BYTES));
        desc[i].flags = i == 0 ? VIRTQ_DESC_F_NEXT : data_flags;
        desc[i].next = (uint16_t)(head + i + 1);
    }
    desc[pieces + 1].addr = hostile->sandbox + STATUS_OFFSET;
    desc[pieces + 1].len = 1;
    desc[pieces + 1].flags = VIRTQ_DESC_F_WRITE;
    desc[pieces + 1].next = 1;
    if (hostile_below(hostile, 16) == 0)
        damage(hostile, &desc[hostile_below(hostile, pieces + 2)]);
    return head;
}

void target_request(struct target *target, struct hostile *hostile)
{
    struct virtq *queue = &target->queue;
    if (queue->size == 0)
        return;
    unsigned requests = 1 + hostile_below(hostile, REQUESTS_MAX);
    for (unsigned i = 0; i < requests; i++)
        queue->avail->ring[queue->avail_idx++ % TARGET_QUEUE_SIZE] = chain(queue, hostile);
    if (hostile_below(hostile, 32) == 0)
        queue->avail_idx = (uint16_t)hostile_value(hostile);
    __atomic_store_n(&queue->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
    mmio_write(queue->notify, queue->notify_width_bytes, hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : 0);
}

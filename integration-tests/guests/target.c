/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "blk.h"
#include "console.h"
#include "mmio.h"
#include "virtio_mmio.h"
#include "virtio_pci.h"
#include "virtq_packed.h"

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
static void init_rings(struct virtq *queue, struct hostile *hostile, bool packed)
{
    *queue = (struct virtq){
        .size = TARGET_QUEUE_SIZE,
        .packed = packed,
        .free_count = TARGET_QUEUE_SIZE,
        .desc = (void *)hostile->sandbox,
        .avail = (void *)(hostile->sandbox + AVAIL_OFFSET),
        .used = (void *)(hostile->sandbox + USED_OFFSET),
    };
    if (packed) {
        for (unsigned i = 0; i < TARGET_QUEUE_SIZE; i++)
            queue->ring[i] = (struct pvirtq_desc){0};
        *queue->device_event = 0;
        pvirtq_init(queue);
        return;
    }
    queue->avail->flags = 0;
    queue->avail->idx = 0;
    queue->used->idx = 0;
    for (unsigned i = 0; i < TARGET_QUEUE_SIZE; i++)
        queue->avail->ring[i] = (uint16_t)(1 + i % (TARGET_QUEUE_SIZE - 1));
}

/* Takes what the device has used of packed rings, until it is something that was never added: the rings are scribbled on. */
static void take_packed(struct target *target)
{
    uint32_t token, written_bytes;
    while (pvirtq_try_take(&target->queue, &token, &written_bytes) == PVIRTQ_BUFFER)
        target->packed_used++;
}

/* How many requests the device has used since it was started. */
static void count_used(struct target *target)
{
    struct virtq *queue = &target->queue;
    if (queue->size == 0)
        return;
    if (queue->packed)
        take_packed(target);
    else
        target->used += queue->used->idx;
}

void target_start(struct target *target, struct hostile *hostile)
{
    const struct virtio_device *device = &target->device;
    const struct virtio_transport *transport = device->transport;
    struct virtq *queue = &target->queue;

    count_used(target);
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
    /* One form of rings is attacked as the other is. */
    if (hostile_below(hostile, 2) == 0)
        features &= ~VIRTIO_F_RING_PACKED;
    transport->set_features(device, features);
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
    transport->set_status(device, status);
    init_rings(queue, hostile, (features & VIRTIO_F_RING_PACKED) != 0);
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

/* The same for a descriptor of packed rings; more often than not it stays available. */
static void damage_packed(struct hostile *hostile, volatile struct pvirtq_desc *desc)
{
    switch (hostile_below(hostile, 4)) {
    case 0:
        desc->addr = hostile_address(hostile);
        break;
    case 1:
        desc->len = hostile_value(hostile);
        break;
    case 2:
        desc->flags ^= (uint16_t)hostile_below(hostile, hostile_below(hostile, 4) == 0 ? UINT16_MAX : 8);
        break;
    default:
        desc->id = (uint16_t)(1 + hostile_below(hostile, UINT16_MAX));
    }
}

/* The pieces of a request as it should be: header, data and status. Those to read come first. */
struct pieces {
    struct buffer buffers[CHAIN_MAX];
    unsigned count, readable;
};

static void make_request(struct pieces *pieces, struct hostile *hostile)
{
    unsigned data = hostile_below(hostile, CHAIN_MAX - 2);
    volatile struct blk_header *fields = header(hostile);
    pieces->count = data + 2;
    pieces->readable = fields->type == VIRTIO_BLK_T_OUT ? data + 1 : 1;
    pieces->buffers[0] = (struct buffer){(void *)fields, sizeof *fields};
    for (unsigned i = 1; i <= data; i++)
        pieces->buffers[i] = (struct buffer){
            (void *)(hostile->sandbox + hostile_below(hostile, BUFFERS) * BUFFER_BYTES),
            SECTOR_BYTES * (1 + hostile_below(hostile, BUFFER_BYTES / SECTOR_BYTES)),
        };
    pieces->buffers[data + 1] = (struct buffer){(void *)(hostile->sandbox + STATUS_OFFSET), 1};
}

/* Writes a chain, with damage here and there; returns its head. */
static uint16_t chain(struct virtq *queue, struct hostile *hostile)
{
    struct pieces pieces;
    make_request(&pieces, hostile);
    uint16_t head = (uint16_t)(1 + hostile_below(hostile, TARGET_QUEUE_SIZE - CHAIN_MAX));
    volatile struct virtq_desc *desc = &queue->desc[head];
    for (unsigned i = 0; i < pieces.count; i++) {
        bool last = i + 1 == pieces.count;
        desc[i].addr = (uintptr_t)pieces.buffers[i].address;
        desc[i].len = pieces.buffers[i].length_bytes;
        desc[i].flags = (uint16_t)((last ? 0 : VIRTQ_DESC_F_NEXT) | (i < pieces.readable ? 0 : VIRTQ_DESC_F_WRITE));
        desc[i].next = (uint16_t)(last ? 1 : head + i + 1);
    }
    if (hostile_below(hostile, 16) == 0)
        damage(hostile, &desc[hostile_below(hostile, pieces.count)]);
    return head;
}

static void request_split(struct target *target, struct hostile *hostile)
{
    struct virtq *queue = &target->queue;
    unsigned requests = 1 + hostile_below(hostile, REQUESTS_MAX);
    for (unsigned i = 0; i < requests; i++)
        queue->avail->ring[queue->avail_idx++ % TARGET_QUEUE_SIZE] = chain(queue, hostile);
    if (hostile_below(hostile, 32) == 0)
        queue->avail_idx = (uint16_t)hostile_value(hostile);
    __atomic_store_n(&queue->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
}

/* As many as there is room for: a device that was overtaken would wait for ever. */
static void request_packed(struct target *target, struct hostile *hostile)
{
    struct virtq *queue = &target->queue;
    struct pvirtq_state *state = &queue->packed_state;
    struct pieces pieces;
    take_packed(target);
    for (unsigned i = hostile_below(hostile, REQUESTS_MAX) + 1; i > 0; i--) {
        uint16_t head = state->next_avail;
        make_request(&pieces, hostile);
        if (!pvirtq_add(queue, pieces.buffers, pieces.readable, pieces.count - pieces.readable, 0))
            break;
        if (hostile_below(hostile, 16) == 0)
            damage_packed(hostile, &queue->ring[(head + hostile_below(hostile, pieces.count)) % TARGET_QUEUE_SIZE]);
    }
    pvirtq_show(queue);
    if (hostile_below(hostile, 32) == 0)
        state->next_avail = (uint16_t)hostile_below(hostile, TARGET_QUEUE_SIZE);
    if (hostile_below(hostile, 32) == 0)
        *queue->driver_event = (uint32_t)random_next(&hostile->random);
}

void target_request(struct target *target, struct hostile *hostile)
{
    struct virtq *queue = &target->queue;
    if (queue->size == 0)
        return;
    if (queue->packed)
        request_packed(target, hostile);
    else
        request_split(target, hostile);
    mmio_write(queue->notify, queue->notify_width_bytes, hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : 0);
}
